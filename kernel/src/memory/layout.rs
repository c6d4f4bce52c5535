//! Who lives where in the one address space.
//!
//! Each area has level 4 slots (512 GiB each) of its own, which [`check`] finds unused at boot. The loader's own
//! mappings (physical memory, boot information, archive, first stack) begin at [`UPPER_HALF`]; the kernel image
//! sits in the last 2 GiB.

use x86_64::VirtAddr;

use super::PAGE_SIZE;
use super::mapping::{self, MapError, Tables};

/// Where the upper half starts; the loader places its mappings from here on.
pub const UPPER_HALF: u64 = 0xffff_8000_0000_0000;

/// Windows of SIPs, [`SIP_WINDOW_BYTES`] each.
pub const SIP_WINDOWS: u64 = 0xffff_c000_0000_0000;
/// Bytes of one SIP's window.
pub const SIP_WINDOW_BYTES: u64 = 1 << 30;
/// Number of windows: they end where the exchange heap starts.
pub const SIP_WINDOW_COUNT: u64 = (EXCHANGE_HEAP - SIP_WINDOWS) / SIP_WINDOW_BYTES;
/// From a window's start to its image: the middle of what a page table spans, so that one is enough for what a small
/// SIP has on both sides, and more than the largest stack.
pub const SIP_IMAGE_OFFSET: u64 = 17 << 20;

/// The exchange heap.
pub const EXCHANGE_HEAP: u64 = 0xffff_d000_0000_0000;
/// Bytes of the exchange heap's area.
pub const EXCHANGE_HEAP_BYTES: u64 = 1 << 40;

/// Channels: an area of the same size and build as the exchange heap's.
pub const CHANNEL_HEAP: u64 = EXCHANGE_HEAP + EXCHANGE_HEAP_BYTES;

/// The kernel's heap.
pub const KERNEL_HEAP: u64 = 0xffff_e000_0000_0000;
/// Bytes of the kernel heap's area.
pub const KERNEL_HEAP_BYTES: u64 = 1 << 40;

/// Device registers.
pub const DEVICES: u64 = 0xffff_e400_0000_0000;
/// Bytes of the devices' area.
pub const DEVICES_BYTES: u64 = 1 << 39;

/// Stacks of kernel threads and interrupts.
pub const KERNEL_STACKS: u64 = 0xffff_e800_0000_0000;
/// Bytes of the stacks' area.
pub const KERNEL_STACKS_BYTES: u64 = 1 << 39;

/// Past the highest address that a domain may have: no code ends so high that the address behind it is not canonical.
pub const USER_END: u64 = 1 << 46;
/// Where the window lies in each domain's own lower half; of the same build as a SIP's.
pub const DOMAIN_WINDOW: u64 = 1 << 40;
/// What GS holds in ring 3: a page of the domain's own, as the core's data is for a SIP.
pub const USER_GS: u64 = DOMAIN_WINDOW + SIP_IMAGE_OFFSET - 2 * PAGE_SIZE as u64;
/// Where the kernel's functions lie in each domain: a page with the table, and a system call for each.
pub const GATE_PAGE: u64 = USER_GS - PAGE_SIZE as u64;
/// Where what a domain has in common with the kernel lies in it: as far from here as it lies from [`KERNEL_HEAP`].
pub const DOMAIN_SHELF: u64 = 4 << 40;
/// Where a domain's blocks lie in it: as far from here as they lie from [`EXCHANGE_HEAP`].
pub const DOMAIN_BLOCKS: u64 = 8 << 40;
const _: () = assert!(DOMAIN_WINDOW + SIP_WINDOW_BYTES <= DOMAIN_SHELF);
const _: () = assert!(DOMAIN_SHELF + KERNEL_HEAP_BYTES <= DOMAIN_BLOCKS);
const _: () = assert!(DOMAIN_BLOCKS + EXCHANGE_HEAP_BYTES <= USER_END);
// What is said of a stack's guard goes by the window that an address lies in.
const _: () = assert!(DOMAIN_WINDOW.is_multiple_of(SIP_WINDOW_BYTES));

/// Start of SIP window `index`, which must be below [`SIP_WINDOW_COUNT`].
pub fn sip_window(index: u64) -> VirtAddr {
    assert!(index < SIP_WINDOW_COUNT, "there is no SIP window {index}");
    VirtAddr::new(SIP_WINDOWS + index * SIP_WINDOW_BYTES)
}

/// Whether `address` lies in a SIP's window.
pub fn is_sip_code(address: u64) -> bool {
    (SIP_WINDOWS..SIP_WINDOWS + SIP_WINDOW_COUNT * SIP_WINDOW_BYTES).contains(&address)
}

/// Has each domain share all areas: what is mapped there later appears in all spaces at once.
///
/// # Errors
/// When no frame is left for a table.
pub fn pin() -> Result<(), MapError> {
    AREAS.iter().try_for_each(|(_, start, bytes)| Tables::kernel().pin(VirtAddr::new(*start), *bytes))
}

/// An area of ours in which the loader already mapped something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaInUse {
    /// The area's name.
    pub name: &'static str,
    /// Where it starts.
    pub start: VirtAddr,
}

const AREAS: [(&str, u64, u64); 6] = [
    ("SIP windows", SIP_WINDOWS, SIP_WINDOW_COUNT * SIP_WINDOW_BYTES),
    ("exchange heap", EXCHANGE_HEAP, EXCHANGE_HEAP_BYTES),
    ("channels", CHANNEL_HEAP, EXCHANGE_HEAP_BYTES),
    ("kernel heap", KERNEL_HEAP, KERNEL_HEAP_BYTES),
    ("devices", DEVICES, DEVICES_BYTES),
    ("kernel stacks", KERNEL_STACKS, KERNEL_STACKS_BYTES),
];

/// Finds that all areas are unused.
pub fn check() -> Result<(), AreaInUse> {
    for (name, start, bytes) in AREAS {
        let start = VirtAddr::new(start);
        if !mapping::top_level_unused(start, bytes) {
            return Err(AreaInUse { name, start });
        }
    }
    Ok(())
}
