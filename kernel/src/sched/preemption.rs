//! How interrupts take the core from a SIP, and where a thread that has nothing to go on with gives it away.
//!
//! An interrupt that finds a SIP's own code keeps its registers beside its thread; the core then decides on a stack of its
//! own, which is free again when it jumps to whoever is best. Threads that leave, or have been retired, end there as well.

use core::arch::{asm, naked_asm};
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

use conquer_once::spin::OnceCell;
use contracts::abi;
use x86_64::VirtAddr;

use super::thread::Thread;
use super::threads::{IDLE, current, queue_woken, ready, run_events, wait_for_thread};
use crate::arch::switch::run_on;
use crate::arch::trap::{self, Context, Preemption, TrapFrame};
use crate::arch::{cores, interrupts};
use crate::domain::Domain;
use crate::memory::layout;
use crate::memory::stacks::{Stack, StackError};

/// Ticks of the timer so far.
static TICKS: AtomicU64 = AtomicU64::new(0);
/// The SIP that has broken its budget, until that is seen to; 0 is none.
static OVERRUN: AtomicU32 = AtomicU32::new(0);
static END_HOOK: OnceCell<fn(sip: u32, cause: Cause)> = OnceCell::uninit();

/// Why a SIP ends that was preempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It has broken its budget.
    Budget,
    /// What it has sent, being a domain, breaks a rule, which this says.
    Sent(&'static str),
}

/// Ticks of the timer so far; see [`crate::arch::apic::TIMER_HERTZ`].
pub fn ticks() -> u64 {
    TICKS.load(Relaxed)
}

/// Sets who ends a SIP, all of whose threads are at rest, for what it has done before it was preempted. The first call counts.
pub fn set_end_hook(hook: fn(sip: u32, cause: Cause)) {
    END_HOOK.init_once(|| hook);
}

const PREEMPTION_STACK_PAGES: usize = 4;

/// Where the core decides what runs when no thread's stack will do. It is free again when the decision is made.
static PREEMPTION_STACK: OnceCell<Stack> = OnceCell::uninit();

/// Makes interrupts share the core out among SIPs' threads. Called once.
pub fn start_preemption() -> Result<(), StackError> {
    let stack = Stack::allocate(PREEMPTION_STACK_PAGES)?;
    PREEMPTION_STACK.init_once(|| stack);
    trap::set_preemption_hook(preempt);
    Ok(())
}

fn stack_top() -> VirtAddr {
    PREEMPTION_STACK.try_get().expect("it is made before the first SIP starts").top()
}

/// Counts a tick for whoever runs. Returns the SIP that has broken its budget by it.
fn count_tick() {
    let now = TICKS.load(Relaxed) + 1;
    TICKS.store(now, Relaxed);
    if !IDLE.load(Relaxed) {
        let thread = current();
        if thread.account.tick(now).is_err() {
            OVERRUN.store(thread.shared.sip.load(Relaxed), Relaxed);
        }
    }
}

/// Whether the interrupted context makes room: it does if it is a SIP's own code and not in the middle of a step. The
/// kernel is not preempted, so none of its locks is held then.
fn preempt(frame: &TrapFrame) -> Option<Preemption> {
    if frame.vector == u64::from(trap::VECTOR_TIMER) {
        count_tick();
    }
    if can_make_room(frame) { make_room(share_out) } else { None }
}

/// Whether this context, in which the running thread is, can be preempted.
pub(crate) fn can_make_room(frame: &TrapFrame) -> bool {
    frame.is_user() || layout::is_sip_code(frame.rip) && cores::core().busy.load(Relaxed) == 0
}

/// Preempts the running thread, which [can be](can_make_room): the core goes on in `entry` on the preemption stack, with
/// interrupts off.
pub(crate) fn make_room(entry: extern "C" fn(usize) -> !) -> Option<Preemption> {
    let stack_top = PREEMPTION_STACK.try_get().ok()?.top();
    let thread = current();
    let context = thread.preempted.get().cast::<Context>();
    thread.shared.stack_pointer.store(context as usize, Relaxed);
    thread.shared.resume.store(trap::resume as *const () as usize, Relaxed);
    Some(Preemption { context, entry, stack_top })
}

/// Gives the core to the best thread, the preempted one counting as the last of its priority. Runs on a stack of its
/// own, which is free again when it jumps away.
pub(crate) extern "C" fn share_out(_: usize) -> ! {
    share_out_with(|| {
        let sip = current().shared.sip.load(Relaxed);
        if sip != 0 && OVERRUN.load(Relaxed) == sip {
            OVERRUN.store(0, Relaxed);
            end(sip, Cause::Budget);
        }
    })
}

fn end(sip: u32, cause: Cause) {
    if let Ok(end) = END_HOOK.try_get() {
        end(sip, cause);
    }
}

/// As [`share_out`], and does something that may end the preempted thread.
pub(crate) fn share_out_with(act: impl FnOnce()) -> ! {
    run_events();
    queue_woken();
    let preempted = current();
    ready(preempted);
    // A domain goes on with other things than waiting for the answer.
    if let Some(what) = preempted.domain().and_then(Domain::see_to_unsent) {
        end(preempted.shared.sip.load(Relaxed), Cause::Sent(what));
    }
    act();
    give_core_away(0)
}

/// What a thread at rest that was preempted goes on with.
#[cfg(feature = "campaign")]
pub(crate) fn preempted_at_rest(thread: &Thread) -> Option<*mut Context> {
    let was_preempted = thread.shared.resume.load(Relaxed) == trap::resume as *const () as usize;
    was_preempted.then(|| thread.preempted.get().cast())
}

/// Gives the core to the best thread and forgets what ran. Runs on the preemption stack.
extern "C" fn give_core_away(_: usize) -> ! {
    let next = wait_for_thread();
    cores::core().current.store(ptr::from_ref(&next.shared).cast_mut(), Relaxed);
    interrupts::enable();
    // SAFETY: `next` was taken from the queue, where threads at rest are; nothing on this stack is needed any more.
    unsafe {
        asm!(
            "mov rsp, [rax + {stack}]",
            "jmp [rax + {resume}]",
            stack = const offset_of!(abi::Thread, stack_pointer),
            resume = const offset_of!(abi::Thread, resume),
            in("rax") &next.shared,
            options(noreturn),
        )
    }
}

/// Gives up the core for good. The thread's memory may be freed once another thread runs.
pub fn leave() -> ! {
    current().left.store(true, Relaxed);
    let stack = stack_top();
    // SAFETY: nobody is preempted while kernel code runs, so the stack is free, and it is never given back.
    unsafe { run_on(stack, give_core_away, 0) }
}

/// Has a thread that does not run, and is in no list, give the core away at once should it be woken.
pub(super) fn give_way(thread: &Thread) {
    thread.shared.stack_pointer.store(stack_top().as_u64() as usize, Relaxed);
    thread.shared.resume.store(retired as *const () as usize, Relaxed);
}

/// Where a retired thread goes on, on the preemption stack.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn retired() {
    naked_asm!(
        "mov dword ptr gs:[{busy}], 0",
        "xor ebp, ebp",
        "push 0",
        "jmp {give_core_away}",
        busy = const offset_of!(abi::Core, busy),
        give_core_away = sym give_core_away,
    )
}
