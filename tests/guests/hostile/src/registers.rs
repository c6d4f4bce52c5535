//! Looks in its registers for what others computed.

use core::arch::{asm, naked_asm};
use core::hint::black_box;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU64};

use crate::calls;

/// What is in the sixteen vector registers.
type Vectors = [[u64; 2]; 16];

/// What a thread found in its registers when it began: fifteen general ones, then the vector registers.
#[repr(C, align(16))]
struct Found {
    general: [u64; 15],
    mxcsr: u64,
    vectors: Vectors,
}

static mut FOUND: Found = Found { general: [0; 15], mxcsr: 0, vectors: [[0; 2]; 16] };
static IS_FOUND: AtomicBool = AtomicBool::new(false);

/// What each of its threads puts there, and what it has seen that it has not put there.
const OWN: [u64; 2] = [0x1111_2222_3333_4444, 0x5555_6666_7777_8888];
static DONE: AtomicU64 = AtomicU64::new(0);
static SEEN: AtomicU64 = AtomicU64::new(0);

/// Begins a thread, and writes down all that it finds.
#[unsafe(naked)]
unsafe extern "C" fn begin(_: usize) -> ! {
    naked_asm!(
        "push rax",
        "lea rax, [rip + {found}]",
        "pop qword ptr [rax]",
        "mov [rax + 8], rbx",
        "mov [rax + 16], rcx",
        "mov [rax + 24], rdx",
        "mov [rax + 32], rsi",
        "mov [rax + 40], rdi",
        "mov [rax + 48], rbp",
        "mov [rax + 56], r8",
        "mov [rax + 64], r9",
        "mov [rax + 72], r10",
        "mov [rax + 80], r11",
        "mov [rax + 88], r12",
        "mov [rax + 96], r13",
        "mov [rax + 104], r14",
        "mov [rax + 112], r15",
        "stmxcsr [rax + 120]",
        "movups [rax + 128], xmm0",
        "movups [rax + 144], xmm1",
        "movups [rax + 160], xmm2",
        "movups [rax + 176], xmm3",
        "movups [rax + 192], xmm4",
        "movups [rax + 208], xmm5",
        "movups [rax + 224], xmm6",
        "movups [rax + 240], xmm7",
        "movups [rax + 256], xmm8",
        "movups [rax + 272], xmm9",
        "movups [rax + 288], xmm10",
        "movups [rax + 304], xmm11",
        "movups [rax + 320], xmm12",
        "movups [rax + 336], xmm13",
        "movups [rax + 352], xmm14",
        "movups [rax + 368], xmm15",
        "jmp {found_all}",
        found = sym FOUND,
        found_all = sym found_all,
    )
}

extern "C" fn found_all() -> ! {
    IS_FOUND.store(true, Relaxed);
    // SAFETY: this crate may call the kernel's functions.
    (unsafe { contracts::binding::bare::table() }.thread_exit)()
}

/// Fills the vector registers with its own, calls, and looks what is in them then. A call may lose what any function may lose:
/// what is left is its own or nothing.
fn after_call(own: [u64; 2], number: usize) -> Vectors {
    let mut vectors: Vectors = [own; 16];
    // SAFETY: there is none: it looks. The buffer has room for all registers.
    unsafe {
        asm!(
            "movups xmm0, [{buffer}]", "movaps xmm1, xmm0", "movaps xmm2, xmm0", "movaps xmm3, xmm0",
            "movaps xmm4, xmm0", "movaps xmm5, xmm0", "movaps xmm6, xmm0", "movaps xmm7, xmm0",
            "movaps xmm8, xmm0", "movaps xmm9, xmm0", "movaps xmm10, xmm0", "movaps xmm11, xmm0",
            "movaps xmm12, xmm0", "movaps xmm13, xmm0", "movaps xmm14, xmm0", "movaps xmm15, xmm0",
            "syscall",
            "movups [{buffer}], xmm0", "movups [{buffer} + 16], xmm1",
            "movups [{buffer} + 32], xmm2", "movups [{buffer} + 48], xmm3",
            "movups [{buffer} + 64], xmm4", "movups [{buffer} + 80], xmm5",
            "movups [{buffer} + 96], xmm6", "movups [{buffer} + 112], xmm7",
            "movups [{buffer} + 128], xmm8", "movups [{buffer} + 144], xmm9",
            "movups [{buffer} + 160], xmm10", "movups [{buffer} + 176], xmm11",
            "movups [{buffer} + 192], xmm12", "movups [{buffer} + 208], xmm13",
            "movups [{buffer} + 224], xmm14", "movups [{buffer} + 240], xmm15",
            buffer = in(reg) &raw mut vectors,
            inout("rax") number => _,
            inout("rdi") 0 => _, inout("rsi") 0 => _, inout("rdx") 0 => _,
            inout("r8") 0 => _, inout("r9") 0 => _, inout("r10") 0 => _,
            out("rcx") _, out("r11") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
            out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    }
    vectors
}

/// Calls of all kinds, each of which lets others run, among them a thread of its own that puts something else there.
fn work(own: [u64; 2]) {
    for round in 0..2000 {
        let number = [calls::CLOCK, calls::YIELD][round % 2];
        let is_strange = |vector: &[u64; 2]| *vector != own && *vector != [0; 2];
        let strange = after_call(own, number).iter().filter(|vector| is_strange(vector)).count();
        SEEN.fetch_add(strange as u64, Relaxed);
    }
    DONE.fetch_add(1, Relaxed);
}

/// Looks at what a new thread finds, and what is there after calls.
pub(crate) fn look() -> Result<(), &'static str> {
    const ARGUMENT: usize = 77;
    // SAFETY: this crate may call the kernel's functions.
    let kernel = unsafe { contracts::binding::bare::table() };
    if (kernel.thread_spawn)(begin, ARGUMENT) == 0 {
        return Err("there is no other thread");
    }
    while !IS_FOUND.load(Relaxed) {
        rt::thread::yield_now();
    }
    // SAFETY: the thread has written it, and is gone.
    let Found { general, mxcsr, vectors } = unsafe { (&raw const FOUND).read() };
    let is_known = |(index, value): (usize, &u64)| *value == if index == 5 { ARGUMENT as u64 } else { 0 };
    if !general.iter().enumerate().all(is_known) || mxcsr as u32 != 0x1f80 {
        return Err("a thread began with something in its general registers");
    }
    if vectors != [[0; 2]; 16] {
        return Err("a thread began with something in its vector registers");
    }
    rt::thread::spawn(|| work([!OWN[0], !OWN[1]])).map_err(|_| "there is no other thread")?;
    work(OWN);
    while DONE.load(Relaxed) < 2 {
        rt::thread::yield_now();
    }
    match black_box(SEEN.load(Relaxed)) {
        0 => Ok(()),
        _ => Err("a call has left something in its vector registers"),
    }
}
