//! From the loader's hand-over to a running system.

use bootloader_api::BootInfo;
use bootloader_api::info::MemoryRegionKind;
use log::{info, warn};
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::{
    self, acpi, apic, clock, cores, cpu, descriptors, interrupts, paging, pic, ring3, serial, symbols,
};
use crate::log as kernel_log;
use crate::memory::{self, PAGE_SIZE, frames, layout, mapping};

/// Bytes of the stack that the loader gives to [`start`].
pub const BOOT_STACK_SIZE: u64 = 128 * 1024;

/// Starts the kernel. The loader calls it once, through the binary's entry point, with interrupts off.
pub fn start(boot_info: &'static mut BootInfo) -> ! {
    cpu::enable_sse();
    cores::init_boot_core();
    kernel_log::init();
    let timestamp_hertz = clock::init();
    descriptors::load();
    cpu::enable_features();
    info!("Entente {}", env!("CARGO_PKG_VERSION"));
    info!("clock: time stamp counter at {} MHz", timestamp_hertz / 1_000_000);

    start_memory(boot_info);
    ring3::init();
    descriptors::guard_interrupt_stacks().expect("out of memory for the interrupt stacks");
    load_symbols(boot_info);
    start_devices(boot_info);

    crate::boot::run(boot_info)
}

fn start_memory(boot_info: &BootInfo) {
    let window = boot_info.physical_memory_offset.into_option().expect("the loader maps physical memory");
    // SAFETY: the loader says so, as our configuration asks it to.
    unsafe { memory::set_physical_window(VirtAddr::new(window)) };
    let highest = boot_info.memory_regions.iter().map(|region| region.end).max().unwrap_or(0);
    paging::keep_root();
    mapping::tighten(highest);
    if let Err(area) = layout::check() {
        panic!("the loader uses the {} area at {:?}", area.name, area.start);
    }
    let usable = boot_info
        .memory_regions
        .iter()
        .filter(|region| region.kind == MemoryRegionKind::Usable)
        .map(|region| (PhysAddr::new_truncate(region.start), PhysAddr::new_truncate(region.end)));
    // SAFETY: the loader calls these regions usable, and nobody used any before.
    if let Err(frames::InitError::TooLittleMemory { needed }) = unsafe { frames::init(usable) } {
        panic!("too little memory: no usable region holds the {needed} bytes of the frame bitmap");
    }
    let counts = frames::counts();
    info!("memory: {} MiB free", (counts.free * PAGE_SIZE) >> 20);
}

fn load_symbols(boot_info: &BootInfo) {
    let file = memory::physical(PhysAddr::new_truncate(boot_info.kernel_addr));
    // SAFETY: the loader says that the kernel's ELF file lies there, in memory that is not usable.
    let file = unsafe { core::slice::from_raw_parts(file, boot_info.kernel_len as usize) };
    if let Err(error) = symbols::load(file) {
        warn!("backtraces will have no names: {error:?}");
    }
}

fn start_devices(boot_info: &BootInfo) {
    pic::mask_all();
    let rsdp = boot_info.rsdp_addr.into_option().map(PhysAddr::new_truncate);
    let found = acpi::interrupts(rsdp).unwrap_or_else(|error| {
        warn!("no ACPI interrupt table ({error:?}); taking the classic PC's layout");
        acpi::Interrupts::CLASSIC
    });
    apic::init(&found).expect("out of memory to map the local APIC");
    let mut io_apic = apic::IoApic::new(&found).expect("out of memory to map the I/O APIC");
    match serial::init() {
        Ok(()) => {
            io_apic.route(found.isa[serial::ISA_LINE], arch::trap::VECTOR_SERIAL);
            serial::listen();
        }
        Err(error) => warn!("no console: COM1 does not answer ({error:?})"),
    }
    let hertz = apic::start_timer();
    info!("interrupts: {} processor(s), APIC timer at {} MHz", found.processors, hertz / 1_000_000);
    interrupts::enable();
}
