//! Into ring 3 and out of it: what domains run in, and the SYSCALL entry.
//!
//! Who is in ring 3 has its own registers, vector state, GS and space; who comes out of it brings none of them along:
//!
//! - **GS.** In ring 0 it holds the core's data, and `KERNEL_GS_BASE` what ring 3 has. Each way in swaps them, and each
//!   way out, with interrupts off until ring 3 is there. Ring 3 can make its GS zero, so a space that is loaded gets a
//!   good one. What may come between (NMI, machine check, double fault, debug exception) looks which GS it finds.
//! - **Flags.** The SYSCALL mask clears all that ring 3 can set: interrupts stay off until there is a stack, no step is
//!   trapped (TF), strings go upwards (DF), SMAP stays on (AC), and no `iretq` takes it for a nested task (NT).
//!   Interrupts clear what the processor does not (DF, AC).
//! - **Stack.** Each of a domain's threads has one of the kernel's, on which nothing is while it is in ring 3. Interrupts
//!   have theirs, by the interrupt stack table; no vector takes its stack from RSP0 of the task state segment.
//! - **Vector state.** To its caller a system call is a function, which may lose all of it but MXCSR and the x87 control word.
//!   These are kept, and the kernel's MXCSR loaded, so it runs with all floating-point exceptions masked. Ring 3 gets a fresh
//!   state with the two, and sees nothing of what the kernel or others computed. No code in ring 0 uses the x87 unit, so what
//!   ring 3 left in that can wait. Interrupts give back all that they found.
//! - **Return.** SYSRET faults in ring 0, on ring 3's stack, if the address is not canonical. No domain has memory that
//!   ends so high; the exit looks all the same.
//! - **Space.** Switches do not load spaces, for all that the kernel and its SIPs use is in each. So each way out loads
//!   the thread's, if another one is.

use core::arch::naked_asm;
use core::mem::{offset_of, size_of};

use contracts::abi;
use x86_64::VirtAddr;
use x86_64::registers::control::{Efer, EferFlags};
use x86_64::registers::model_specific::{KernelGsBase, LStar, SFMask, Star};
use x86_64::registers::rflags::RFlags;

use super::cores::USER_STACK;
use super::descriptors::{KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA};
use crate::domain;
use crate::memory::layout::{USER_END, USER_GS};
use crate::sched::Ring3;

/// MXCSR as after a reset: all exceptions masked. (SDM vol. 1, 10.2.3)
pub(super) static MXCSR: u32 = 0x1f80;
/// The vector state that a domain's thread begins with.
static FRESH: super::trap::VectorState = super::trap::VectorState::FRESH;
/// IF, and the bit that is always 1.
const FLAGS_INTERRUPTS_ON: u64 = 0x202;
/// How far below the top of a thread's stack in the kernel the way in keeps where ring 3 goes on.
pub const RIP_BELOW: u64 = (size_of::<Caller>() - offset_of!(Caller, rip)) as u64;
/// As [`RIP_BELOW`], of ring 3's frame pointer.
pub const RBP_BELOW: u64 = (size_of::<Caller>() - offset_of!(Caller, rbp)) as u64;

/// What the way in keeps of ring 3, on top of the thread's stack in the kernel.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub struct Caller {
    mxcsr: u64,
    /// The x87 unit's control word.
    control: u64,
    /// Its frame pointer.
    pub rbp: u64,
    rip: u64,
    flags: u64,
    /// Its stack pointer.
    pub rsp: u64,
}
const USER_END_BIT: u32 = USER_END.trailing_zeros();
const _: () = assert!(USER_END.is_power_of_two());

/// Lets this core run code in ring 3. After the descriptor tables are loaded, once.
pub fn init() {
    Star::write(USER_CODE, USER_DATA, KERNEL_CODE, KERNEL_DATA).expect("the segments are in SYSRET's order");
    LStar::write(VirtAddr::from_ptr(syscall as *const ()));
    SFMask::write(
        RFlags::INTERRUPT_FLAG
            | RFlags::TRAP_FLAG
            | RFlags::DIRECTION_FLAG
            | RFlags::ALIGNMENT_CHECK
            | RFlags::NESTED_TASK
            | RFlags::RESUME_FLAG
            | RFlags::IOPL_LOW
            | RFlags::IOPL_HIGH,
    );
    KernelGsBase::write(VirtAddr::new(USER_GS));
    // SAFETY: the instruction leads to `syscall`, as was just set.
    unsafe { Efer::update(|efer| efer.insert(EferFlags::SYSTEM_CALL_EXTENSIONS)) };
}

/// Loads the space of the thread whose [`Ring3`] is in rdx, and what ring 3 has of segment registers, which another space's
/// threads may have changed; and says in the domain's own page which thread it is. Loses rcx, rdx, r8.
macro_rules! load_space {
    () => {
        concat!(
            "mov rcx, [rdx + {core_current}]\n",
            "mov r8, [rdx + {thread}]\n",
            "mov [rcx], r8\n",
            "mov rdx, [rdx + {root}]\n",
            "mov rcx, cr3\n",
            "cmp rcx, rdx\n",
            "je 77f\n",
            "mov cr3, rdx\n",
            "mov r8, rax\n",
            "mov ecx, 0xc0000102\n", // KERNEL_GS_BASE
            "mov eax, {gs_low}\n",
            "mov edx, {gs_high}\n",
            "wrmsr\n",
            "xor eax, eax\n",
            "mov ds, eax\n",
            "mov es, eax\n",
            "mov fs, eax\n",
            "mov rax, r8\n",
            "77:\n",
        )
    };
}
pub(super) use load_space;

/// Where SYSCALL leads: rax has the number, rdi and rsi the arguments, rcx where ring 3 goes on, and r11 its flags. It goes on
/// with the result in rax; what a function may lose is zero.
#[unsafe(naked)]
unsafe extern "C" fn syscall() {
    naked_asm!(
        "swapgs",
        "mov gs:[{user_stack}], rsp",
        "mov rsp, gs:[{current}]",
        "mov rsp, [rsp + {gate_stack}]",
        "push qword ptr gs:[{user_stack}]",
        "push r11",
        "push rcx",
        "push rbp",
        "sub rsp, 16",
        "stmxcsr [rsp]",
        "fnstcw [rsp + {control}]",
        "ldmxcsr [rip + {mxcsr}]",
        "sti",
        // What each message takes has a way of its own.
        "cmp rax, {gate_wait}",
        "jne 3f",
        "call {wait}",
        "4:",
        "cli",
        "mov rdx, gs:[{current}]",
        "mov rdx, [rdx + {ring3}]",
        load_space!(),
        "fxrstor64 [rip + {fresh}]",
        "ldmxcsr [rsp]",
        "fldcw [rsp + {control}]",
        "add rsp, {to_rip}",
        "pop rcx",
        "pop r11",
        "mov rdx, rcx",
        "shr rdx, {user_end_bit}",
        "jz 2f",
        // Nothing is there: the domain faults, in ring 3.
        "xor ecx, ecx",
        "2:",
        "xor edx, edx",
        "xor esi, esi",
        "xor edi, edi",
        "xor r8d, r8d",
        "xor r9d, r9d",
        "xor r10d, r10d",
        "mov rsp, [rsp]",
        "swapgs",
        "sysretq",
        "3:",
        "mov rdx, rax",
        "mov rcx, rsp",
        "call {call}",
        "jmp 4b",
        user_stack = const USER_STACK,
        current = const offset_of!(abi::Core, current),
        ring3 = const Ring3::IN_THREAD,
        gate_stack = const Ring3::GATE_STACK_IN_THREAD,
        root = const offset_of!(Ring3, root),
        thread = const offset_of!(Ring3, thread),
        core_current = const offset_of!(Ring3, core_current),
        mxcsr = sym MXCSR,
        fresh = sym FRESH,
        control = const offset_of!(Caller, control),
        to_rip = const offset_of!(Caller, rip),
        gs_low = const USER_GS as u32,
        gs_high = const USER_GS >> 32,
        user_end_bit = const USER_END_BIT,
        gate_wait = const domain::GATE_WAIT,
        wait = sym domain::wait,
        call = sym domain::call,
    )
}

/// Goes on in ring 3 for the first time, where the running thread's [`Ring3`] says.
///
/// # Safety
///
/// The running thread is a domain's. Nothing on its stack is needed any more.
pub unsafe fn begin(ring3: &Ring3) -> ! {
    // SAFETY: passed on to the caller.
    unsafe { enter(ring3) }
}

#[unsafe(naked)]
unsafe extern "C" fn enter(ring3: &Ring3) -> ! {
    naked_asm!(
        "cli",
        "mov rdx, rdi",
        load_space!(),
        "fxrstor64 [rip + {fresh}]",
        "push {data}",
        "push qword ptr [rdi + {stack}]",
        "push {flags}",
        "push {code}",
        "push qword ptr [rdi + {entry}]",
        "mov rdi, [rdi + {argument}]",
        "xor eax, eax",
        "xor ebx, ebx",
        "xor ecx, ecx",
        "xor edx, edx",
        "xor esi, esi",
        "xor ebp, ebp",
        "xor r8d, r8d",
        "xor r9d, r9d",
        "xor r10d, r10d",
        "xor r11d, r11d",
        "xor r12d, r12d",
        "xor r13d, r13d",
        "xor r14d, r14d",
        "xor r15d, r15d",
        "swapgs",
        "iretq",
        root = const offset_of!(Ring3, root),
        thread = const offset_of!(Ring3, thread),
        core_current = const offset_of!(Ring3, core_current),
        stack = const offset_of!(Ring3, stack_pointer),
        entry = const offset_of!(Ring3, entry),
        argument = const offset_of!(Ring3, argument),
        gs_low = const USER_GS as u32,
        gs_high = const USER_GS >> 32,
        data = const USER_DATA.0,
        code = const USER_CODE.0,
        flags = const FLAGS_INTERRUPTS_ON,
        fresh = sym FRESH,
    )
}
