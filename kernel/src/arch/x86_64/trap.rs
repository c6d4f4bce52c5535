//! Interrupts and exceptions: from the vector to Rust and back.
//!
//! Every vector has a stub of 16 bytes that pushes its number and joins one path, which saves all registers and
//! the vector state as a [`TrapFrame`] on the interrupt stack. What the frame says when `dispatch` returns is
//! what goes on: that is how a context is abandoned ([`Verdict::Abandon`]).

use core::arch::{global_asm, naked_asm};
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use conquer_once::spin::OnceCell;
use contracts::sabotage::{Bug, planted};
use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;

use super::descriptors::{KERNEL_CODE, KERNEL_DATA};
use super::{apic, panic, ring3, serial};
use crate::memory::layout::USER_GS;
use crate::sched::Ring3;
use crate::unwind::Registers;

#[cfg(feature = "campaign")]
const VECTOR_DEBUG: u8 = 1;
/// The local APIC's timer.
pub const VECTOR_TIMER: u8 = 0x20;
/// COM1.
pub const VECTOR_SERIAL: u8 = 0x24;
/// The local APIC's spurious interrupt; needs no end of interrupt.
pub const VECTOR_SPURIOUS: u8 = 0xff;

/// The registers of whatever was interrupted, in the order in which they lie on the interrupt stack.
#[derive(Clone, Debug)]
#[repr(C)]
#[expect(missing_docs, reason = "the fields are registers")]
pub struct TrapFrame {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    pub vector: u64,
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

impl TrapFrame {
    /// Whether a domain was interrupted.
    pub fn is_user(&self) -> bool {
        self.cs & 3 != 0
    }
}

impl From<&TrapFrame> for Registers {
    fn from(frame: &TrapFrame) -> Self {
        Registers { rip: frame.rip, rsp: frame.rsp, rbp: frame.rbp }
    }
}

/// An exception, as shown to whoever judges it.
pub struct Exception<'a> {
    /// The vector, below 32.
    pub vector: u8,
    /// The address whose access failed, for a page fault.
    pub address: Option<u64>,
    /// The interrupted context.
    pub frame: &'a TrapFrame,
}

/// What becomes of the context that raised an exception.
pub enum Verdict {
    /// The kernel is at fault: panic, with a backtrace of the interrupted context.
    KernelFault,
    /// The context is given up. The core goes on in `entry(argument)` on another stack, interrupts off.
    Abandon {
        /// Where to go on.
        entry: extern "C" fn(argument: usize) -> !,
        /// Passed to `entry`.
        argument: usize,
        /// Highest address of the stack to go on with; nobody else uses it.
        stack_top: VirtAddr,
    },
}

/// Judges an exception. Runs on an interrupt stack with interrupts off: no locks, no allocation.
pub type ExceptionHook = fn(&Exception<'_>) -> Verdict;

static EXCEPTION_HOOK: OnceCell<ExceptionHook> = OnceCell::uninit();
static UNEXPECTED: AtomicU32 = AtomicU32::new(0);

/// Sets who judges exceptions from now on; before, and outside its domain, each is the kernel's fault. The first
/// call counts.
pub fn set_exception_hook(hook: ExceptionHook) {
    EXCEPTION_HOOK.init_once(|| hook);
}

/// Interrupts so far on vectors that nobody asked for.
pub fn unexpected_interrupts() -> u32 {
    UNEXPECTED.load(Ordering::Relaxed)
}

const NAMES: [&str; 32] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor segment overrun",
    "invalid TSS",
    "segment not present",
    "stack segment fault",
    "general protection fault",
    "page fault",
    "reserved exception 15",
    "x87 floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualization exception",
    "control protection exception",
    "reserved exception 22",
    "reserved exception 23",
    "reserved exception 24",
    "reserved exception 25",
    "reserved exception 26",
    "reserved exception 27",
    "hypervisor injection exception",
    "VMM communication exception",
    "security exception",
    "reserved exception 31",
];

impl Exception<'_> {
    /// What the manual calls it (SDM vol. 3, table 6-1).
    pub fn name(&self) -> &'static str {
        NAMES[usize::from(self.vector) % NAMES.len()]
    }
}

impl fmt::Display for Exception<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name())?;
        if let Some(address) = self.address {
            // Error code bits: SDM vol. 3, figure 4-12.
            let code = self.frame.error_code;
            let kind = match code {
                _ if code & 0x10 != 0 => "fetching an instruction from",
                _ if code & 2 != 0 => "writing to",
                _ => "reading from",
            };
            let why = if code & 1 != 0 { "protected" } else { "unmapped" };
            write!(f, " {kind} {why} address {address:#x}")?;
        } else if self.frame.error_code != 0 {
            write!(f, ", error code {:#x}", self.frame.error_code)?;
        }
        write!(f, " at {:#x}", self.frame.rip)
    }
}

impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  rip {:016x} rsp {:016x} rfl {:016x}", self.rip, self.rsp, self.rflags)?;
        writeln!(f, "  rax {:016x} rbx {:016x} rcx {:016x}", self.rax, self.rbx, self.rcx)?;
        writeln!(f, "  rdx {:016x} rsi {:016x} rdi {:016x}", self.rdx, self.rsi, self.rdi)?;
        writeln!(f, "  rbp {:016x} r8  {:016x} r9  {:016x}", self.rbp, self.r8, self.r9)?;
        writeln!(f, "  r10 {:016x} r11 {:016x} r12 {:016x}", self.r10, self.r11, self.r12)?;
        writeln!(f, "  r13 {:016x} r14 {:016x} r15 {:016x}", self.r13, self.r14, self.r15)
    }
}

const STUB_BYTES: usize = 16;

unsafe extern "C" {
    /// The first of 256 stubs.
    static entente_trap_stubs: u8;
}

/// Address of the stub for `vector`, below 256.
pub(super) fn stub(vector: usize) -> VirtAddr {
    VirtAddr::from_ptr(&raw const entente_trap_stubs) + (vector * STUB_BYTES) as u64
}

global_asm!(
    ".balign 16",
    ".globl entente_trap_stubs",
    "entente_trap_stubs:",
    ".set entente_vector, 0",
    ".rept 256",
    ".balign 16",
    // These push an error code of their own (SDM vol. 3, table 6-1).
    ".if (entente_vector == 8) || (entente_vector >= 10 && entente_vector <= 14) || (entente_vector == 17) || (entente_vector == 21) || (entente_vector == 29) || (entente_vector == 30)",
    ".else",
    "push 0",
    ".endif",
    "push entente_vector",
    // These can come where GS is not what the interrupted privilege says.
    ".if (entente_vector == 1) || (entente_vector == 2) || (entente_vector == 8) || (entente_vector == 18)",
    "jmp entente_trap_anywhere",
    ".else",
    "jmp entente_trap_common",
    ".endif",
    ".set entente_vector, entente_vector + 1",
    ".endr",
    "entente_trap_anywhere:",
    "test byte ptr [rsp + {early_cs}], 3",
    "jnz entente_trap_common",
    "push rax",
    "push rcx",
    "push rdx",
    "mov ecx, 0xc0000101", // GS_BASE
    "rdmsr",
    "test edx, edx",
    "pop rdx",
    "pop rcx",
    "pop rax",
    "js entente_trap_common",
    // Ring 0 was on its way in or out. The machine stops for what interrupted it, so nothing is swapped back.
    "swapgs",
    "entente_trap_common:",
    "push rax",
    "push rbx",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "push rbp",
    "push r8",
    "push r9",
    "push r10",
    "push r11",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "cld",
    "test byte ptr [rsp + {cs}], 3",
    "jz 2f",
    "swapgs",
    // SMAP is on for the kernel, whatever ring 3 says (AC).
    "pushfq",
    "btr qword ptr [rsp], 18",
    "popfq",
    "2:",
    "mov rbx, rsp",
    "mov rdi, rsp",
    "sub rsp, 512",
    "and rsp, -16",
    "fxsave64 [rsp]",
    "test byte ptr [rbx + {cs}], 3",
    "jz 2f",
    "fninit",
    "ldmxcsr [rip + {mxcsr}]",
    "2:",
    "mov rsi, rsp",
    "xor ebp, ebp",
    "call {dispatch}",
    "fxrstor64 [rsp]",
    "mov rsp, rbx",
    "test byte ptr [rsp + {cs}], 3",
    "jz 2f",
    "swapgs",
    "2:",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop r11",
    "pop r10",
    "pop r9",
    "pop r8",
    "pop rbp",
    "pop rdi",
    "pop rsi",
    "pop rdx",
    "pop rcx",
    "pop rbx",
    "pop rax",
    "add rsp, 16",
    "iretq",
    cs = const offset_of!(TrapFrame, cs),
    early_cs = const offset_of!(TrapFrame, cs) - offset_of!(TrapFrame, vector),
    mxcsr = sym ring3::MXCSR,
    dispatch = sym dispatch,
);

/// The vector state of whatever was interrupted, as FXSAVE writes it (SDM vol. 1, 10.5).
#[derive(Clone)]
#[repr(C, align(16))]
pub struct VectorState([u8; 512]);

impl VectorState {
    /// As after a reset, all floating-point exceptions masked.
    pub(super) const FRESH: VectorState = {
        let mut state = [0; 512];
        // The control word of the x87 unit, and MXCSR.
        (state[0], state[1]) = (0x7f, 0x03);
        (state[24], state[25]) = (0x80, 0x1f);
        VectorState(state)
    };
}

/// A context as a whole: what [`resume`] goes on with.
#[derive(Clone)]
#[repr(C, align(16))]
pub struct Context {
    frame: TrapFrame,
    vector: VectorState,
}

impl Context {
    /// Its registers.
    pub fn frame(&self) -> &TrapFrame {
        &self.frame
    }

    /// Its registers, to be changed.
    #[cfg(feature = "campaign")]
    pub fn frame_mut(&mut self) -> &mut TrapFrame {
        &mut self.frame
    }
}

/// Goes on with a context, whose own stack is touched only by its own code.
///
/// # Safety
/// It is not called but jumped to, with the stack pointer at a [`Context`] that nobody else goes on with; interrupts on or
/// off.
#[unsafe(naked)]
pub unsafe extern "C" fn resume() {
    naked_asm!(
        "mov dword ptr gs:[{busy}], 0",
        "fxrstor64 [rsp + {vector}]",
        "test byte ptr [rsp + {cs}], 3",
        "jz 2f",
        "cli",
        "mov rdx, gs:[{current}]",
        "mov rdx, [rdx + {ring3}]",
        ring3::load_space!(),
        "swapgs",
        "2:",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop r11",
        "pop r10",
        "pop r9",
        "pop r8",
        "pop rbp",
        "pop rdi",
        "pop rsi",
        "pop rdx",
        "pop rcx",
        "pop rbx",
        "pop rax",
        "add rsp, 16",
        "iretq",
        busy = const offset_of!(contracts::abi::Core, busy),
        vector = const offset_of!(Context, vector),
        cs = const offset_of!(Context, frame) + offset_of!(TrapFrame, cs),
        current = const offset_of!(contracts::abi::Core, current),
        ring3 = const Ring3::IN_THREAD,
        root = const offset_of!(Ring3, root),
        thread = const offset_of!(Ring3, thread),
        core_current = const offset_of!(Ring3, core_current),
        gs_low = const USER_GS as u32,
        gs_high = const USER_GS >> 32,
    )
}

/// Decides what goes on after an interrupt. Runs on an interrupt stack with interrupts off: no locks, no allocation.
/// Returns where to keep the interrupted context, which [`resume`] goes on with later, and what the core does instead.
pub type PreemptionHook = fn(frame: &TrapFrame) -> Option<Preemption>;

/// The interrupted context makes room.
pub struct Preemption {
    /// Where its registers are kept. Nobody else uses the place.
    pub context: *mut Context,
    /// Where the core goes on, interrupts off.
    pub entry: extern "C" fn(argument: usize) -> !,
    /// Highest address of the stack to go on with; nobody else uses it.
    pub stack_top: VirtAddr,
}

static PREEMPTION_HOOK: OnceCell<PreemptionHook> = OnceCell::uninit();

/// Sets who decides whether an interrupted context goes on. The first call counts; before it, each does.
pub fn set_preemption_hook(hook: PreemptionHook) {
    PREEMPTION_HOOK.init_once(|| hook);
}

fn preempt(frame: &mut TrapFrame, vector: &mut VectorState) {
    let Ok(decide) = PREEMPTION_HOOK.try_get() else { return };
    let decision = decide(frame);
    make_room(frame, vector, decision);
}

fn make_room(frame: &mut TrapFrame, vector: &mut VectorState, decision: Option<Preemption>) {
    if let Some(Preemption { context, entry, stack_top }) = decision {
        let kept = if planted(Bug::LostVectors) { VectorState::FRESH } else { vector.clone() };
        // SAFETY: the hook says that the place is for this context alone.
        unsafe { context.write(Context { frame: frame.clone(), vector: kept }) };
        go_on_in((frame, vector), entry, 0, stack_top);
    }
}

/// Called by the common path with the frame it built and the vector state it saved.
extern "C" fn dispatch(frame: &mut TrapFrame, vector: &mut VectorState) {
    match frame.vector as u8 {
        #[cfg(feature = "campaign")]
        VECTOR_DEBUG => {
            let decision = crate::injector::stopped(frame);
            make_room(frame, vector, decision);
        }
        0..32 => exception(frame, vector),
        VECTOR_TIMER => {
            super::cores::signal(super::cores::EVENT_TIMER);
            apic::end_of_interrupt();
            preempt(frame, vector);
        }
        VECTOR_SERIAL => {
            serial::on_interrupt();
            apic::end_of_interrupt();
            preempt(frame, vector);
        }
        VECTOR_SPURIOUS => {}
        _ => {
            UNEXPECTED.fetch_add(1, Ordering::Relaxed);
            apic::end_of_interrupt();
        }
    }
}

const PAGE_FAULT: u8 = 14;

fn exception(frame: &mut TrapFrame, state: &mut VectorState) {
    let vector = frame.vector as u8;
    let address = (vector == PAGE_FAULT).then(Cr2::read_raw);
    let exception = Exception { vector, address, frame };
    let verdict = match EXCEPTION_HOOK.try_get() {
        Ok(judge) => judge(&exception),
        Err(_) => Verdict::KernelFault,
    };
    match verdict {
        Verdict::KernelFault => panic::exception(&exception),
        Verdict::Abandon { entry, argument, stack_top } => {
            go_on_in((frame, state), entry, argument, stack_top);
        }
    }
}

/// Makes the frame one that calls `entry(argument)` in ring 0 on another stack, interrupts off.
fn go_on_in(
    (frame, vector): (&mut TrapFrame, &mut VectorState),
    entry: extern "C" fn(usize) -> !,
    argument: usize,
    stack_top: VirtAddr,
) {
    const FLAGS_INTERRUPTS_OFF: u64 = 2;
    if frame.is_user() {
        *vector = VectorState::FRESH;
        frame.cs = u64::from(KERNEL_CODE.0);
        frame.ss = u64::from(KERNEL_DATA.0);
    }
    frame.rip = entry as usize as u64;
    frame.rdi = argument as u64;
    frame.rbp = 0;
    // As if called: the stack pointer is 8 below a multiple of 16.
    frame.rsp = (stack_top.as_u64() & !15) - 8;
    frame.rflags = FLAGS_INTERRUPTS_OFF;
}
