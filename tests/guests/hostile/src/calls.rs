//! The gate itself under attack: system calls with all kinds of registers.

use core::arch::asm;
use core::hint::black_box;
use core::mem::{offset_of, size_of};

use contracts::Contract;
use contracts::abi::{Channel, ChannelRequest, End, Table};
use contracts::spec::ping::PingPong;
use trial::random::Random;

/// The number of a function's system call is its place in the table.
macro_rules! number {
    ($function:ident) => {
        offset_of!(Table, $function) / size_of::<u64>()
    };
}

/// Those that do not come back, or start what does not: they are tried one by one.
const FATAL: [usize; 4] = [number!(exit), number!(panic), number!(thread_exit), number!(thread_spawn)];
const SLEEP: usize = number!(thread_block_until);
const WAIT: usize = number!(gate_wait);
const LOG: usize = number!(log);
/// What a call returns that is none.
const REFUSED: u64 = u64::MAX;
pub(crate) const CLOCK: usize = number!(clock);
/// Lets others run.
pub(crate) const YIELD: usize = number!(thread_yield);

/// Where the kernel's functions are.
pub(crate) fn table() -> u64 {
    // SAFETY: only the address is used.
    core::ptr::from_ref(unsafe { contracts::binding::bare::table() }) as u64
}

/// A system call.
fn call(number: usize, arguments: [u64; 6]) -> u64 {
    let result;
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: there is none: it attacks. A call loses what any function may lose.
    unsafe {
        asm!(
            "syscall",
            inout("rax") number => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            out("rcx") _, out("r11") _,
        );
    }
    result
}

/// Calls with these flags set, each of which the kernel must not keep.
pub(crate) fn with_flags(flags: u64) {
    for _ in 0..1000 {
        // SAFETY: as above; the flags are put back.
        unsafe {
            asm!(
                "pushfq",
                "or [rsp], {flags}",
                "popfq",
                "mov eax, {clock}",
                "syscall",
                "pushfq",
                "not {flags}",
                "and [rsp], {flags}",
                "popfq",
                flags = inout(reg) flags => _,
                clock = const CLOCK,
                out("rax") _, out("rcx") _, out("r11") _, out("rdx") _, out("rsi") _, out("rdi") _,
                out("r8") _, out("r9") _, out("r10") _,
            );
        }
    }
    // And be interrupted with it.
    // SAFETY: as above.
    unsafe {
        asm!(
            "pushfq",
            "or [rsp], {flags}",
            "popfq",
            "mov ecx, 20000000",
            "2:",
            "dec ecx",
            "jnz 2b",
            "pushfq",
            "not {flags}",
            "and [rsp], {flags}",
            "popfq",
            flags = inout(reg) flags => _,
            out("rcx") _,
        );
    }
}

/// Calls, and is interrupted, with GS gone.
pub(crate) fn without_gs() {
    // SAFETY: as above; nothing here needs GS after that.
    unsafe { asm!("xor eax, eax", "mov gs, eax", "mov fs, eax", "mov ds, eax", "mov es, eax", out("eax") _) };
    for _ in 0..1000 {
        call(CLOCK, [0; 6]);
    }
    let soon = call(CLOCK, [0; 6]) + 10_000_000;
    while call(CLOCK, [0; 6]) < soon {}
}

/// Calls with all floating-point exceptions unmasked, and a pending one.
pub(crate) fn with_floating_point_traps() {
    let (mxcsr, control) = (0u32, 0x0340u16);
    // SAFETY: as above.
    unsafe {
        asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &raw const mxcsr, in(reg) &raw const control);
    }
    divide_by_zero();
    for _ in 0..1000 {
        call(CLOCK, [0; 6]);
    }
    call(LOG, [b"still here".as_ptr() as u64, 10, 0, 0, 0, 0]);
    let soon = call(CLOCK, [0; 6]) + 10_000_000;
    while call(CLOCK, [0; 6]) < soon {}
    // A call keeps what is to be trapped, and loses what is under way.
    let mut kept = !0u32;
    // SAFETY: as above.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut kept) };
    assert_eq!(kept, mxcsr, "MXCSR is what it was");
    divide_by_zero();
    // SAFETY: as above.
    unsafe { asm!("fwait") };
}

/// Divides. The exception is raised by the next instruction of that unit.
fn divide_by_zero() {
    // SAFETY: as above.
    unsafe {
        asm!(
            "fld1", "fldz", "fdivp",
            out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
            out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
        );
    }
}

/// Calls with a stack pointer that leads nowhere.
pub(crate) fn without_stack() {
    with_stack_at(8);
}

/// Calls with a stack pointer that is not its own.
pub(crate) fn with_stack_at(address: u64) {
    // SAFETY: as above; the stack is put back.
    unsafe {
        asm!(
            "mov r12, rsp",
            "mov rsp, {stack}",
            "mov r13d, 1000",
            "2:",
            "mov eax, {clock}",
            "syscall",
            "dec r13d",
            "jnz 2b",
            "mov rsp, r12",
            stack = in(reg) address,
            clock = const CLOCK,
            out("r12") _, out("r13") _,
            out("rax") _, out("rcx") _, out("r11") _, out("rdx") _, out("rsi") _, out("rdi") _,
            out("r8") _, out("r9") _, out("r10") _,
        );
    }
}

/// What arguments the kernel may get wrong.
const BOUNDARIES: [u64; 18] = [
    0,
    1,
    7,
    8,
    4095,
    4096,
    0x7fff_ffff,
    0xffff_ffff,
    (1 << 40) - 1,
    1 << 40,
    (1 << 46) - 1,
    1 << 46,
    0x7fff_ffff_ffff,
    0x8000_0000_0000,
    0xffff_8000_0000_0000,
    0xffff_ffff_8000_0000,
    u64::MAX - 7,
    u64::MAX,
];

/// Keeps a sleep short.
fn bounded(number: usize, arguments: [u64; 6]) -> [u64; 6] {
    match number {
        SLEEP => [arguments[0] % 1_000_000, arguments[1], 0, 0, 0, 0],
        WAIT => [arguments[0], arguments[1] % 1_000_000, 0, 0, 0, 0],
        _ => arguments,
    }
}

/// Each call with each two boundaries.
pub(crate) fn at_boundaries() {
    let mut made = 0u64;
    for number in (0..40).chain([usize::MAX, 1 << 32, 1 << 63]) {
        if FATAL.contains(&number) {
            continue;
        }
        for first in BOUNDARIES {
            for second in BOUNDARIES {
                let result = call(number, bounded(number, [first, second, first, second, first, second]));
                let is_its_own = (4096..1 << 46).contains(&first);
                assert!(
                    number != LOG || is_its_own || second == 0 || result == REFUSED,
                    "{first:#x} was read"
                );
                made += 1;
            }
        }
    }
    // A thread that would begin where no address is.
    for entry in [1 << 47, 1 << 63, u64::MAX] {
        assert_eq!(call(number!(thread_spawn), [entry, 0, 0, 0, 0, 0]), 0, "{entry:#x} was begun at");
    }
    rt::log!("fact boundaries calls={made}");
}

/// Calls as long as it lives.
pub(crate) fn for_good() -> ! {
    loop {
        call(CLOCK, [0; 6]);
    }
}

/// A request for a channel that is granted.
static REQUEST: ChannelRequest =
    ChannelRequest { shape: <PingPong as Contract>::SHAPE, contract: "PingPong", states: &[] };
/// From a result of a call to what else lies there: fields, and things next to it.
const NEAR: [u64; 6] = [0, 8, 64, size_of::<End>() as u64, size_of::<Channel>() as u64, 4096];

/// Calls with random arguments, `COUNT SEED`: numbers, addresses of its own, and what earlier calls returned.
pub(crate) fn many(argument: &str) {
    let mut words = argument.split(' ').map(|word| word.parse::<u64>().ok());
    let (count, seed) = (words.next().flatten().unwrap_or(1000), words.next().flatten().unwrap_or(1));
    let mut random = Random::new(seed);
    let own = [black_box(0u64); 4];
    let mut results = [0; 64];
    let mut made = 0u64;
    while made < count {
        let number = random.below(40) as usize;
        if FATAL.contains(&number) || number == LOG && random.below(64) > 0 {
            continue;
        }
        let mut argument = || match random.below(7) {
            0 => BOUNDARIES[random.below(BOUNDARIES.len() as u64) as usize],
            1 => own.as_ptr() as u64 + random.below(64),
            2 => random.below(100),
            3 => (&raw const REQUEST) as u64 - if random.below(4) == 0 { random.below(64) } else { 0 },
            4 | 5 => {
                let result: u64 = results[random.below(results.len() as u64) as usize];
                result.wrapping_add(NEAR[random.below(NEAR.len() as u64) as usize])
            }
            _ => random.below(u64::MAX),
        };
        let arguments = [(); 6].map(|()| argument());
        let result = call(number, bounded(number, arguments));
        if result != 0 && result != REFUSED && number != CLOCK {
            results[random.below(results.len() as u64) as usize] = result;
        }
        made += 1;
    }
    rt::log!("fact calls made={made} seed={seed}");
}
