//! The loader: one small ELF image that QEMU starts through PVH and GRUB through Multiboot2.
//!
//! It finds the kernel in the boot archive, maps it with W^X, maps physical memory, and enters it with a
//! [`BootInfo`] as the stock `bootloader` crate would. What it cannot boot it names in one line on COM1 and
//! debugcon ([`console::stop`]).
//!
//! Reading order: `entry` (from 32 bits to Rust), `machine` (what the boot protocol says), `kernel` (what is
//! loaded), `memory` and `paging` (where it goes), this file (the sequence).
#![no_std]
#![no_main]

mod console;
mod entry;
mod error;
// By its source, because the crate that it belongs to needs a heap, which the loader has not.
#[path = "../../../contracts/src/freestanding.rs"]
#[allow(dead_code, unreachable_pub, reason = "the file is written for a library")]
mod freestanding;
mod kernel;
mod machine;
mod memory;
mod paging;

use bootloader_api::BootInfo;
use bootloader_api::config::Mapping;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind, Optional};
use core::convert::Infallible;
use elf::abi::{PF_W, PF_X};
use error::Error;
use kernel::{Kernel, Segment};
use machine::{Machine, Range};
use memory::{Frames, MAX_REGIONS, PAGE};
use paging::{AddressSpace, CODE, DATA, RODATA};
use x86_64::{PhysAddr, VirtAddr};

/// At least this much physical memory is mapped, so that the usual MMIO ranges are (as `bootloader_api` promises).
const LEAST_MAPPED: u64 = 1 << 32;
/// Bytes for [`BootInfo`] and, one page in, the memory map.
const BOOT_INFO_BYTES: u64 = (PAGE + (MAX_REGIONS * size_of::<MemoryRegion>()) as u64).next_multiple_of(PAGE);

export_memory_functions!();

/// Called by the entry code with what the boot protocol left in `eax` and `ebx`.
extern "C" fn start(magic: u32, info: u32) -> ! {
    // SAFETY: the entry code passes the protocol's values on and has identity-mapped the first 4 GiB.
    match unsafe { boot(magic, info) } {
        Err(error) => console::stop(error),
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => console::stop(format_args!("bug at {}:{}: {}", at.file(), at.line(), info.message())),
        None => console::stop(format_args!("bug: {}", info.message())),
    }
}

/// Loads the kernel and enters it; returns only what stands in the way.
///
/// # Safety
/// `magic` and `info` are what the boot protocol passed, and the first 4 GiB are identity-mapped.
unsafe fn boot(magic: u32, info: u32) -> Result<Infallible, Error> {
    // SAFETY: passed on from the caller.
    let machine = unsafe { Machine::read(magic, info)? };
    let image = image();
    let ramdisk_bytes = machine.ramdisk.end - machine.ramdisk.start;
    let archive = core::ptr::with_exposed_provenance::<u8>(machine.ramdisk.start as usize);
    // SAFETY: the boot protocol put the archive there, below 4 GiB (checked by `Machine::read`), and every
    // allocation below stays clear of it.
    let archive = unsafe { core::slice::from_raw_parts(archive, ramdisk_bytes as usize) };
    let kernel = Kernel::find(archive)?;
    let mappings = kernel.config.mappings;
    let stack_bytes = kernel.config.kernel_stack_size.next_multiple_of(PAGE);
    let memory_end = machine
        .regions()
        .iter()
        .filter(|region| region.kind == MemoryRegionKind::Usable)
        .map(|region| region.end)
        .max()
        .unwrap_or(0)
        .max(LEAST_MAPPED)
        .next_multiple_of(1 << 30);

    let mut needed = stack_bytes + BOOT_INFO_BYTES + memory_end / (1 << 30) * PAGE + 64 * PAGE;
    if mappings.physical_memory.is_none() || mappings.ramdisk_memory != Mapping::Dynamic {
        needed += ramdisk_bytes / 512;
    }
    for segment in kernel.segments() {
        needed += segment?.size.next_multiple_of(PAGE) + 2 * PAGE;
    }
    let mut frames = Frames::new(&machine, image, needed)?;
    let frames = &mut frames;

    let mut space = AddressSpace::new(frames, &mappings)?;
    for segment in kernel.segments() {
        let segment = segment?;
        space.reserve(segment.address, segment.size);
    }
    space.reserve_fixed(mappings.kernel_stack, stack_bytes + PAGE);
    space.reserve_fixed(mappings.boot_info, BOOT_INFO_BYTES);
    space.reserve_fixed(mappings.ramdisk_memory, ramdisk_bytes);
    if let Some(mapping) = mappings.physical_memory {
        space.reserve_fixed(mapping, memory_end);
    }

    let text = Range { start: image.start, end: text_end() };
    let rest = Range { start: text.end, end: image.end };
    for (part, flags) in [(text, CODE), (rest, DATA)] {
        let start = VirtAddr::new(part.start);
        space.map(frames, "loader", start, PhysAddr::new(part.start), part.end - part.start, flags)?;
    }
    for segment in kernel.segments() {
        load(&segment?, &mut space, frames)?;
    }
    let physical = match mappings.physical_memory {
        Some(mapping) => {
            let at = space.place("physical memory", mapping, memory_end)?;
            space.map(frames, "physical memory", at, PhysAddr::zero(), memory_end, DATA)?;
            Some(at)
        }
        None => None,
    };
    // The lowest page stays unmapped: the guard below the stack.
    let stack = space.place("stack", mappings.kernel_stack, stack_bytes + PAGE)? + PAGE;
    let stack_memory = frames.take(stack_bytes)?;
    space.map(frames, "stack", stack, stack_memory, stack_bytes, DATA)?;
    let boot_info = space.place("boot information", mappings.boot_info, BOOT_INFO_BYTES)?;
    let boot_info_memory = frames.take(BOOT_INFO_BYTES)?;
    space.map(frames, "boot information", boot_info, boot_info_memory, BOOT_INFO_BYTES, DATA)?;
    let ramdisk = match (physical, mappings.ramdisk_memory) {
        (Some(physical), Mapping::Dynamic) => physical + machine.ramdisk.start,
        (_, mapping) => {
            let into_page = machine.ramdisk.start % PAGE;
            let bytes = (ramdisk_bytes + into_page).next_multiple_of(PAGE);
            let at = space.place("ramdisk", mapping, bytes)?;
            space.map(
                frames,
                "ramdisk",
                at,
                PhysAddr::new(machine.ramdisk.start - into_page),
                bytes,
                DATA,
            )?;
            at + into_page
        }
    };
    let recursive = match mappings.page_table_recursive {
        Some(mapping) => Some(space.map_root(mapping)?),
        None => None,
    };

    // Whatever lies in the archive is read before the switch, which unmaps it here.
    let tls_template = kernel.tls();
    let kernel_addr = kernel.bytes.as_ptr().expose_provenance() as u64;
    let kernel_len = kernel.bytes.len() as u64;
    let kernel_image_offset = kernel.lowest_address();
    let entry = kernel.entry;

    space.activate();

    let regions = (boot_info + PAGE).as_mut_ptr::<MemoryRegion>();
    // SAFETY: the pages behind `boot_info` were just mapped writable, are zeroed (a valid `MemoryRegion` has kind 0,
    // `Usable`), large enough for `MAX_REGIONS` entries from the second page, and nothing else refers to them.
    let regions: &'static mut [MemoryRegion] =
        unsafe { core::slice::from_raw_parts_mut(regions, MAX_REGIONS) };
    let count = memory::fill_map(regions, &machine, image, frames.used());
    let mut handed = BootInfo::new((&mut regions[..count]).into());
    handed.physical_memory_offset = physical.map(VirtAddr::as_u64).into();
    handed.recursive_index = recursive.into();
    handed.rsdp_addr = machine.rsdp.into();
    handed.tls_template = tls_template.into();
    handed.ramdisk_addr = Optional::Some(ramdisk.as_u64());
    handed.ramdisk_len = ramdisk_bytes;
    handed.kernel_addr = kernel_addr;
    handed.kernel_len = kernel_len;
    handed.kernel_image_offset = kernel_image_offset;
    handed.kernel_stack_bottom = stack.as_u64();
    handed.kernel_stack_len = stack_bytes;
    // SAFETY: the first page behind `boot_info` is mapped writable and holds nothing else.
    unsafe { boot_info.as_mut_ptr::<BootInfo>().write(handed) };
    // SAFETY: the tables are active, the entry point comes from the kernel just mapped and the stack is its own.
    unsafe { enter(entry, stack + stack_bytes, boot_info) }
}

/// Copies a segment to fresh frames and maps it with its own permissions.
fn load(segment: &Segment<'_>, space: &mut AddressSpace, frames: &mut Frames) -> Result<(), Error> {
    let into_page = segment.address % PAGE;
    let bytes = (segment.size + into_page).next_multiple_of(PAGE);
    let memory = frames.take(bytes)?;
    let to = core::ptr::with_exposed_provenance_mut::<u8>((memory.as_u64() + into_page) as usize);
    // SAFETY: `take` handed out at least `into_page + size` bytes, identity-mapped and used by nobody else, and the
    // file part is no longer than the segment (checked by `Kernel::segments`).
    unsafe { to.copy_from_nonoverlapping(segment.bytes.as_ptr(), segment.bytes.len()) };
    let flags = match (segment.flags & PF_W != 0, segment.flags & PF_X != 0) {
        (true, _) => DATA,
        (false, true) => CODE,
        (false, false) => RODATA,
    };
    space.map(frames, "segment", VirtAddr::new_truncate(segment.address - into_page), memory, bytes, flags)
}

/// Enters the kernel on its stack, as `entry_point!` expects: the C calling convention, no return address.
///
/// # Safety
/// The address space is active, `entry` is the kernel's entry point and `stack_top` the end of its mapped stack.
unsafe fn enter(entry: u64, stack_top: VirtAddr, boot_info: VirtAddr) -> ! {
    // SAFETY: upheld by the caller; nothing of the loader's stack is used afterwards.
    unsafe {
        core::arch::asm!(
            "mov rsp, {stack}",
            "xor ebp, ebp",
            "push 0",
            "jmp {entry}",
            stack = in(reg) stack_top.as_u64(),
            entry = in(reg) entry,
            in("rdi") boot_info.as_u64(),
            options(noreturn),
        )
    }
}

unsafe extern "C" {
    static __image_start: u8;
    static __text_end: u8;
    static __image_end: u8;
}

/// The loader's own image in memory.
fn image() -> Range {
    Range {
        start: (&raw const __image_start).expose_provenance() as u64,
        end: (&raw const __image_end).expose_provenance() as u64,
    }
}

/// Where the loader's code ends and its data begins.
fn text_end() -> u64 {
    (&raw const __text_end).expose_provenance() as u64
}
