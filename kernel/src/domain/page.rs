//! The page that stands for the kernel in each domain, and the one that is a domain's own.

use core::mem::{offset_of, size_of};
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{self, BlockEntry, Core, SHADOW, TRACKED_BLOCK, Table, Tracked};
use spin::Mutex;
use x86_64::VirtAddr;

use crate::account::Account;
use crate::memory::PAGE_SIZE;
use crate::memory::frames::{self, Frame};
use crate::memory::layout::{GATE_PAGE, USER_GS};
use crate::memory::mapping::{Access, MapError, Tables};
use crate::memory::physical;

/// Pages of what stands for the kernel in a domain.
pub const PAGES: usize = 2;
/// Pages of the stack on which the kernel serves the calls of one of a domain's threads.
pub const STACK_PAGES: usize = 5;
const _: () = assert!(STACK_PAGES * crate::memory::PAGE_SIZE > abi::STACK_HEADROOM + 4096);

/// Where a domain finds the kernel's functions.
pub const TABLE: *const Table = (GATE_PAGE + TABLE_OFFSET as u64) as *const Table;
/// From the start of the gate's page to the table; the system calls lie before it.
const TABLE_OFFSET: usize = 2048;
/// Bytes from one system call to the next.
const STUB_BYTES: usize = 16;
const FUNCTIONS: usize = size_of::<Table>() / size_of::<u64>() - 1;
const _: () = assert!((FUNCTIONS + 1) * STUB_BYTES <= TABLE_OFFSET);
const _: () = assert!(offset_of!(Table, hash) == 0);

/// From the start of a domain's own page to its account.
const ACCOUNT_OFFSET: usize = 1024;
const _: () = assert!(size_of::<Core>() <= ACCOUNT_OFFSET && size_of::<abi::Account>() <= 2048 + 64);

/// The page that all domains have in common: the table, and what its entries lead to. Made for the first one.
static GATE: Mutex<Option<[Frame; 1]>> = Mutex::new(None);

/// The number of a system call is the place of its function in the table.
fn stub(number: usize) -> [u8; STUB_BYTES] {
    let [a, b, c, d] = (number as u32).to_le_bytes();
    let (to_eax, syscall, ret, int3) = (0xb8, [0x0f, 0x05], 0xc3, 0xcc);
    let mut stub = [int3; STUB_BYTES];
    stub[..8].copy_from_slice(&[to_eax, a, b, c, d, syscall[0], syscall[1], ret]);
    stub
}

fn write_gate(page: &mut [u8]) {
    let word =
        |index: usize| TABLE_OFFSET + index * size_of::<u64>()..TABLE_OFFSET + (index + 1) * size_of::<u64>();
    page[word(0)].copy_from_slice(&abi::HASH.to_le_bytes());
    for number in 1..=FUNCTIONS {
        let offset = number * STUB_BYTES;
        page[offset..offset + STUB_BYTES].copy_from_slice(&stub(number));
        page[word(number)].copy_from_slice(&(GATE_PAGE + offset as u64).to_le_bytes());
    }
}

/// Where the set lies in each domain to which a shadow's peer says it belongs, so that who would wake it calls the kernel.
pub(super) const PEERS: u64 = USER_GS + PEERS_OFFSET as u64;
const PEERS_OFFSET: usize = 3584;
const _: () =
    assert!(ACCOUNT_OFFSET + size_of::<abi::Account>() <= PEERS_OFFSET && PEERS_OFFSET.is_multiple_of(64));

/// Where the entry of a block lies in each domain that no limit has room for.
pub(super) const OVER_LIMIT: u64 = USER_GS + OVER_LIMIT_OFFSET as u64;
const OVER_LIMIT_OFFSET: usize = 3840;
const _: () = assert!(PEERS_OFFSET + size_of::<abi::Set>() <= OVER_LIMIT_OFFSET);
const _: () = assert!(OVER_LIMIT_OFFSET + size_of::<BlockEntry>() <= PAGE_SIZE);

/// Where a domain's account lies in it.
pub const ACCOUNT: u64 = USER_GS + ACCOUNT_OFFSET as u64;

/// Maps what stands for the kernel into a new domain. Returns the page that is its own, through the kernel's window.
///
/// # Errors
/// When no frame is left.
pub(crate) fn map_gate(tables: Tables, account: &Account) -> Result<*const Core, MapError> {
    let mut gate = GATE.lock();
    let gate = match &mut *gate {
        Some(gate) => gate,
        none => {
            let mut frame = frames::allocate_zeroed().ok_or(MapError::OutOfMemory)?;
            write_gate(frame.bytes());
            none.insert([frame])
        }
    };
    // SAFETY: the frame is kept for good, and nobody writes to it.
    unsafe { tables.map_shared(VirtAddr::new(GATE_PAGE), gate, Access::ReadExecute)? };
    let mut own = frames::allocate_zeroed().ok_or(MapError::OutOfMemory)?;
    let mut set = |offset: usize, value: u64| {
        own.bytes()[offset..offset + size_of::<u64>()].copy_from_slice(&value.to_le_bytes());
    };
    set(offset_of!(Core, this), USER_GS);
    set(ACCOUNT_OFFSET + offset_of!(abi::Account, owner), account.owner().to_bits());
    // Less than what no limit has room for.
    let limit = account.shared().byte_limit.load(Relaxed).min(u64::MAX - 1);
    set(ACCOUNT_OFFSET + offset_of!(abi::Account, byte_limit), limit);
    set(PEERS_OFFSET + offset_of!(abi::Set, id), SHADOW);
    set(OVER_LIMIT_OFFSET + offset_of!(Tracked, kind), TRACKED_BLOCK.into());
    set(OVER_LIMIT_OFFSET + offset_of!(BlockEntry, capacity), u64::MAX);
    let core = physical(own.address()).cast_const().cast();
    tables.map(VirtAddr::new(USER_GS), own, Access::ReadWrite)?;
    Ok(core)
}
