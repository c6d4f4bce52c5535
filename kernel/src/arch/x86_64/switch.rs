//! Leaving a stack for good.

use core::arch::asm;

use x86_64::VirtAddr;

/// Goes on in `entry(argument)` on another stack; the present one is never returned to.
///
/// # Safety
/// `stack_top` is the top of a stack that nobody else uses and that lives for as long as `entry` runs on it.
pub unsafe fn run_on(stack_top: VirtAddr, entry: extern "C" fn(argument: usize) -> !, argument: usize) -> ! {
    // SAFETY: the caller vouches for the stack; `entry` never returns, so nothing is missed of this one.
    unsafe {
        asm!(
            "mov rsp, {stack}",
            "xor ebp, ebp",
            "push 0",
            "jmp {entry}",
            stack = in(reg) stack_top.as_u64() & !15,
            entry = in(reg) entry,
            in("rdi") argument,
            options(noreturn),
        )
    }
}
