//! From the loader's hand-over to a running system.

use bootloader_api::BootInfo;
use bootloader_api::info::MemoryRegionKind;
use log::{info, warn};
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::{
    self, acpi, apic, clock, cores, cpu, descriptors, interrupts, pic, power, serial, symbols,
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
    descriptors::guard_interrupt_stacks().expect("memory for the interrupt stacks");
    load_symbols(boot_info);
    start_devices(boot_info);

    run(boot_info)
}

fn start_memory(boot_info: &BootInfo) {
    let window = boot_info.physical_memory_offset.into_option().expect("the loader maps physical memory");
    // SAFETY: the loader says so, as our configuration asks it to.
    unsafe { memory::set_physical_window(VirtAddr::new(window)) };
    let highest = boot_info.memory_regions.iter().map(|region| region.end).max().unwrap_or(0);
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
    apic::init(&found).expect("memory to map the local APIC");
    let mut io_apic = apic::IoApic::new(&found).expect("memory to map the I/O APIC");
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

// DEMO
fn run(_boot_info: &'static mut BootInfo) -> ! {
    if let Some(demo) = option_env!("ARCH_DEMO") {
        demo_run(demo);
    }
    power::exit(power::Exit::Success)
}

extern "C" fn survivor(argument: usize) -> ! {
    info!("survived, argument {argument:#x}");
    interrupts::enable();
    let before = clock::now_ns();
    interrupts::idle(|| false);
    info!("idle took {} us", (clock::now_ns() - before) / 1000);
    power::exit(power::Exit::Success)
}
#[inline(never)]
fn recurse(n: u64) -> u64 {
    let mut a = [n; 64];
    core::hint::black_box(&mut a);
    if n == 0 { 0 } else { recurse(n - 1) + a[3] }
}
fn judge(e: &arch::trap::Exception<'_>) -> arch::trap::Verdict {
    info!("judged: {e}");
    static S: conquer_once::spin::OnceCell<memory::stacks::Stack> = conquer_once::spin::OnceCell::uninit();
    let stack = S.get_or_init(|| memory::stacks::Stack::allocate(8).unwrap());
    arch::trap::Verdict::Abandon { entry: survivor, argument: 0x1234, stack_top: stack.top() }
}
extern "C" fn on_stack(_: usize) -> ! {
    let r = recurse(100000);
    info!("{r}");
    power::exit(power::Exit::Success)
}
fn demo_run(demo: &str) {
    match demo {
        "null" => unsafe { (16 as *mut u64).write_volatile(1) },
        "panic" => {
            let v: alloc::vec::Vec<u32> = alloc::vec::Vec::new();
            let i = core::hint::black_box(3);
            info!("{}", v[i]);
        }
        "overflow" => {
            let stack = memory::stacks::Stack::allocate(8).unwrap();
            unsafe { arch::switch::run_on(stack.top(), on_stack, 0) }
        }
        "bootoverflow" => {
            info!("{}", recurse(100000));
        }
        "abandon" => {
            arch::trap::set_exception_hook(judge);
            unsafe { (16 as *mut u64).write_volatile(1) }
        }
        "wx" => {
            let code = on_stack as *const () as *mut u8;
            unsafe { code.write_volatile(0x90) }
        }
        "nx" => {
            let data: [u8; 16] = [0xc3; 16];
            let f: extern "C" fn() = unsafe { core::mem::transmute(core::hint::black_box(data.as_ptr())) };
            f();
        }
        "int3" => unsafe { core::arch::asm!("int3") },
        "ud" => unsafe { core::arch::asm!("ud2") },
        "gp" => unsafe { core::arch::asm!("mov rax, 0x1234567812345678", "mov [rax], rax", out("rax") _) },
        "div" => unsafe {
            core::arch::asm!("xor edx,edx", "xor ecx, ecx", "mov eax, 1", "div ecx", out("rax") _, out("rdx") _, out("rcx") _)
        },
        "memory" => {
            use mapping::Access;
            let before = frames::counts();
            let t = clock::now_ns();
            let start = layout::sip_window(3);
            mapping::map_fresh(start, 4096, Access::ReadWrite).unwrap();
            info!(
                "16 MiB mapped in {} us, {} frames",
                (clock::now_ns() - t) / 1000,
                before.free - frames::counts().free
            );
            assert_eq!(
                mapping::map_fresh(start + 4096 * 100u64, 1, Access::ReadOnly),
                Err(mapping::MapError::InUse(start + 4096 * 100u64))
            );
            let t = clock::now_ns();
            let n = mapping::unmap_range(start, 1 << 18);
            info!("{n} unmapped in {} us", (clock::now_ns() - t) / 1000);
            assert_eq!(before, frames::counts());
            let t = clock::now_ns();
            mapping::unmap_range(VirtAddr::new(layout::EXCHANGE_HEAP), 1 << 28);
            let t = clock::now_ns();
            mapping::map_fresh(start, 4096, Access::ReadWrite).unwrap();
            info!("16 MiB mapped again in {} us", (clock::now_ns() - t) / 1000);
            mapping::unmap_range(start, 1 << 18);
            let t = clock::now_ns();
            let f: alloc::vec::Vec<_> = (0..4096).map(|_| frames::allocate()).collect();
            info!("4096 frames in {} us", (clock::now_ns() - t) / 1000);
            drop(f);
            let t = clock::now_ns();
            let f: alloc::vec::Vec<_> = (0..4096).map(|_| frames::allocate_zeroed()).collect();
            info!("4096 zeroed frames in {} us", (clock::now_ns() - t) / 1000);
            drop(f);
            info!("1 TiB of holes in {} ns", clock::now_ns() - t);
            for pages in [1, 16, 255] {
                let s = memory::stacks::Stack::allocate(pages).unwrap();
                unsafe { s.limit().as_mut_ptr::<u8>().write_volatile(1) };
                unsafe { (s.top() - 1).as_mut_ptr::<u8>().write_volatile(1) };
                assert!(memory::stacks::is_guard(s.limit() - 1));
            }
            assert_eq!(before, frames::counts());
            let use0 = memory::heap::bytes_in_use();
            {
                let mut v = alloc::vec::Vec::new();
                for i in 0..1000usize {
                    v.push(alloc::vec![i as u8; i * 37 % 5000 + 1]);
                }
                let big = alloc::vec![1u8; 10 << 20];
                info!(
                    "{} in use {} mapped {}",
                    big.len(),
                    memory::heap::bytes_in_use(),
                    memory::heap::bytes_mapped()
                );
                for (i, b) in v.iter().enumerate() {
                    assert!(b.iter().all(|x| *x == i as u8));
                }
            }
            assert_eq!(use0, memory::heap::bytes_in_use());
            let e = mapping::map_fresh(start, 1 << 18, Access::ReadWrite);
            info!("1 GiB: {e:?}");
            info!("frames {:?}", frames::counts());
            let t = clock::now_ns();
            let mut x = alloc::vec![0u8; 1 << 20];
            info!("1 MiB alloc zero {} us", (clock::now_ns() - t) / 1000);
            let y = alloc::vec![7u8; 1 << 20];
            let t = clock::now_ns();
            x.copy_from_slice(&y);
            info!("1 MiB copy {} us", (clock::now_ns() - t) / 1000);
        }
        "ticks" => {
            let mut ticks = 0;
            let start = clock::now_ns();
            while clock::now_ns() - start < 1_000_000_000 {
                interrupts::idle(|| cores::core().pending.load(core::sync::atomic::Ordering::Relaxed) != 0);
                if cores::take_events() & cores::EVENT_TIMER != 0 {
                    ticks += 1;
                }
            }
            info!("{ticks} ticks in a second");
        }
        "echo" => {
            let mut total = 0usize;
            let mut sum = 0u64;
            let mut buffer = [0; 1000];
            loop {
                interrupts::idle(|| cores::core().pending.load(core::sync::atomic::Ordering::Relaxed) != 0);
                cores::take_events();
                loop {
                    let n = serial::take(&mut buffer);
                    if n == 0 {
                        break;
                    }
                    total += n;
                    for &b in &buffer[..n] {
                        sum = sum.wrapping_mul(31).wrapping_add(b as u64);
                    }
                    serial::write(&buffer[..n]);
                    if option_env!("SLOW").is_some() {
                        clock::spin_ns(30_000_000);
                    }
                    if buffer[..n].contains(&4) {
                        info!("{total} bytes, sum {sum:x}, overruns {}", serial::overruns());
                        return;
                    }
                }
            }
        }
        "out" => {
            let data = alloc::vec![b'x'; 1 << 20];
            let t = clock::now_ns();
            serial::write(&data);
            info!("serial: 1 MiB in {} ms", (clock::now_ns() - t) / 1_000_000);
            let t = clock::now_ns();
            arch::debugcon::write(&data);
            info!("debugcon: 1 MiB in {} ms", (clock::now_ns() - t) / 1_000_000);
        }
        _ => {}
    }
}
