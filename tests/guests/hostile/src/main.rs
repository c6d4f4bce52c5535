//! Attacks what is around it, as its argument says. In a domain it gets nowhere; nowhere else is it to run.
#![no_std]
#![no_main]

extern crate alloc;

mod calls;
mod greed;
mod registers;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU8, AtomicU32};
use trial::harm::spin;

rt::manifest! {
    main: main,
    memory: 4 << 20,
    cpu_percent: 60,
}

/// Where the kernel's code and data lie.
const KERNEL: u64 = 0xffff_ffff_8000_0000;
/// Where the first SIP's window lies in the kernel's space, and its image in that.
const SIP: u64 = 0xffff_c000_0110_0000;
/// Where the loader maps physical memory, or something else of its own.
const PHYSICAL: u64 = 0xffff_8000_0000_0000;
/// The exchange heap's ledger.
const LEDGER: u64 = 0xffff_d000_0000_0000;
/// Where what a domain has in common with the kernel lies, and further than that goes.
const SHELF: u64 = (4 << 40) + (1 << 39);
/// Where others' blocks would lie in a domain.
const BLOCKS: u64 = (8 << 40) + (1 << 39);
/// An address that none can be.
const NOT_CANONICAL: u64 = 0x1234_5678_9abc_def0;

/// An instruction that returns, where no instruction should be.
const RETURN: u8 = 0xc3;
static CONSTANT: [u8; 16] = [RETURN; 16];
static VARIABLE: AtomicU8 = AtomicU8::new(RETURN);

/// Reads a word there.
fn read(address: u64) {
    // SAFETY: there is none: it attacks.
    unsafe { asm!("mov {0}, [{0}]", inout(reg) address => _) }
}

/// Writes a word there.
fn write(address: u64) {
    // SAFETY: there is none: it attacks.
    unsafe { asm!("mov qword ptr [{0}], 1", in(reg) address) }
}

/// Goes on there.
fn call(address: u64) {
    // SAFETY: there is none: it attacks.
    unsafe { asm!("call {0}", in(reg) address, clobber_abi("C")) }
}

/// Executes one instruction that is not for it.
macro_rules! execute {
    ($($instruction:literal),*) => {
        // SAFETY: there is none: it attacks.
        unsafe { asm!($($instruction),*, clobber_abi("C")) }
    };
}

fn main(grants: Grants) -> Result<(), &'static str> {
    let (case, argument) = grants.argument.split_once(' ').unwrap_or((grants.argument, ""));
    match case {
        "idle" => rt::log!("fact idle says=nothing"),
        "null" => read(0),
        "read-kernel" => read(KERNEL),
        "read-sip" => read(SIP),
        "read-physical" => read(PHYSICAL),
        "read-ledger" => read(LEDGER),
        "read-nowhere" => read(NOT_CANONICAL),
        "read-shelf" => read(SHELF),
        "read-blocks" => read(BLOCKS),
        "read-freed" => read(greed::freed_block()),
        "write-freed" => write(greed::freed_block()),
        "read-behind" => read(greed::behind_block()),
        "write-kernel" => write(KERNEL),
        "write-sip" => write(SIP),
        "write-ledger" => write(LEDGER),
        "write-constant" => write(&raw const CONSTANT as u64),
        "write-code" => write(main as *const () as u64),
        // The table of the kernel's functions leads to the page that they lie in.
        "write-gate" => write(calls::table()),
        "call-kernel" => call(KERNEL),
        "call-sip" => call(SIP),
        "call-constant" => call(&raw const CONSTANT as u64),
        "call-variable" => call(&raw const VARIABLE as u64),
        "call-nowhere" => call(NOT_CANONICAL),
        "call-stack" => {
            let code = black_box([RETURN; 16]);
            call(&raw const code as u64);
        }
        "call-block" => call(greed::block_of_code()),
        "halt" => execute!("hlt"),
        "interrupts-off" => execute!("cli"),
        "interrupts-on" => execute!("sti"),
        "port-in" => execute!("in al, 0x60"),
        "port-out" => execute!("out 0xf4, al"),
        "msr-read" => execute!("mov ecx, 0xc0000082", "rdmsr"),
        "msr-write" => execute!("mov ecx, 0xc0000082", "wrmsr"),
        "space" => execute!("mov rax, cr3"),
        "no-space" => execute!("xor eax, eax", "mov cr3, rax"),
        "no-smap" => execute!("xor eax, eax", "mov cr4, rax"),
        "debug" => execute!("xor eax, eax", "mov dr7, rax"),
        "gs" => execute!("swapgs"),
        "return" => execute!("sysretq"),
        "gdt" => execute!("sub rsp, 16", "lgdt [rsp]", "add rsp, 16"),
        "load-idt" => execute!("sub rsp, 16", "lidt [rsp]", "add rsp, 16"),
        "load-ldt" => execute!("xor eax, eax", "lldt ax"),
        "load-task" => execute!("xor eax, eax", "ltr ax"),
        "no-cache" => execute!("invd"),
        "flush" => execute!("wbinvd"),
        "forget" => execute!("invlpg [rsp]"),
        "task-switched" => execute!("clts"),
        "status" => execute!("xor eax, eax", "lmsw ax"),
        "state" => execute!("xor ecx, ecx", "xor eax, eax", "xor edx, edx", "xsetbv"),
        "counter" => execute!("xor ecx, ecx", "rdpmc"),
        "sleep" => execute!("monitor", "mwait"),
        "base" => execute!("mov rax, 0xffffffff80000000", "wrgsbase rax"),
        "other-entry" => execute!("sysenter"),
        "old-call" => execute!("int 0x80"),
        // What tells where the kernel's tables are.
        "tell-gdt" => execute!("sub rsp, 16", "sgdt [rsp]", "add rsp, 16"),
        "tell-idt" => execute!("sub rsp, 16", "sidt [rsp]", "add rsp, 16"),
        "tell-ldt" => execute!("sldt eax"),
        "tell-task" => execute!("str eax"),
        "tell-status" => execute!("smsw eax"),
        "timer" => execute!("int 0x20"),
        "breakpoint" => execute!("int3"),
        "double-fault" => execute!("int 8"),
        "nmi" => execute!("int 2"),
        "single-step" => execute!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop"),
        "segment" => execute!("mov eax, 0x10", "mov ss, eax"),
        // Far return into ring 0.
        "ring" => execute!("push 8", "lea rax, [rip]", "push rax", "retfq"),
        "interrupt-return" => execute!("push 0x10", "push rsp", "push 2", "push 8", "push rax", "iretq"),
        "alignment" => calls::with_flags(1 << 18),
        "direction" => calls::with_flags(1 << 10),
        "nested" => calls::with_flags(1 << 14),
        "no-gs" => calls::without_gs(),
        "floats" => calls::with_floating_point_traps(),
        "no-stack" => calls::without_stack(),
        "high-stack" => calls::with_stack_at(KERNEL),
        "calls" => calls::many(argument),
        "boundaries" => calls::at_boundaries(),
        "panic" => panic!("{argument}"),
        "overflow" => {
            black_box(deeper(black_box(1)));
        }
        // SAFETY: there is none: far below the stack there is nothing.
        "plunge" => unsafe { asm!("sub rsp, 0x40000", "push 0", options(noreturn)) },
        "memory" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(Vec::<u8>::with_capacity(black_box(100_000)));
            }
        }
        "spin" => spin(),
        "threads" => return threads(),
        "registers" => return registers::look(),
        "blocks" => greed::blocks(),
        "channels" => greed::channels(),
        "sets" => greed::sets(),
        "heaps" => greed::heaps(),
        "many-threads" => greed::threads(),
        "chatter" => greed::chatter(),
        "ask" => calls::for_good(),
        "thread" => {
            let end = || read(0);
            rt::thread::spawn(end).map_err(|_| "there is no other thread")?;
            loop {
                rt::thread::yield_now();
            }
        }
        "crew" => {
            rt::thread::spawn(|| spin()).map_err(|_| "there is no other thread")?;
            rt::thread::spawn(sleep).map_err(|_| "there is no other thread")?;
            loop {
                let mut memory = Vec::<u8>::new();
                black_box(memory.try_reserve_exact(2 << 20).is_ok());
            }
        }
        "wait" => sleep(),
        "divide" => execute!("xor ecx, ecx", "div rcx"),
        "illegal" => execute!("ud2"),
        "fail" => return Err("it was told to"),
        _ => return Err("there is no such case"),
    }
    Ok(())
}

/// Sleeps for good.
fn sleep() {
    contracts::time::sleep_until(contracts::Instant::from_nanos(u64::MAX));
}

fn deeper(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == 0 { 0 } else { deeper(frame[7] + 1) + frame[3] }
}

static DONE: AtomicU32 = AtomicU32::new(0);
static WRONG: AtomicU32 = AtomicU32::new(0);

/// Computes the same on many threads at once, and sees whether one disturbs another.
fn threads() -> Result<(), &'static str> {
    const THREADS: u32 = 4;
    for thread in 0..THREADS {
        let work = move || {
            let expected = floats(black_box(f64::from(thread)));
            for _ in 0..200 {
                if floats(black_box(f64::from(thread))) != expected {
                    WRONG.fetch_add(1, Relaxed);
                }
            }
            DONE.fetch_add(1, Relaxed);
        };
        rt::thread::spawn(work).map_err(|_| "there is no other thread")?;
    }
    while DONE.load(Relaxed) < THREADS {
        let soon = contracts::Instant::from_nanos(rt::clock::now().as_nanos() as u64 + 1_000_000);
        contracts::time::sleep_until(soon);
    }
    if WRONG.load(Relaxed) == 0 { Ok(()) } else { Err("registers were not kept") }
}

/// A long computation in many vector registers at once.
fn floats(seed: f64) -> [u64; 8] {
    let mut lanes = [seed; 8];
    for round in 1..500 {
        for (lane, value) in lanes.iter_mut().enumerate() {
            *value = *value * 0.999 + f64::from(round) / (lane as f64 + 1.5);
        }
    }
    lanes.map(f64::to_bits)
}
