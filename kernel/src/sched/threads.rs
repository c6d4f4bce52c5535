//! The core's threads.
//!
//! ```text
//!            1 spawn          3 pop            5 leave
//! (nothing) --------> ready ---------> running --------> (gone)
//!                     | ^ ^--6 preempt----|                ^
//!            7 retire | | 2 ready         | 4 block,       |
//!                     | +----- waiting <--+   hand-off     |
//!                     v           | 7 retire               |
//!                  (retired) <----+------------------------+
//! ```
//!
//! An interrupt that finds a SIP's own code running takes the core away from it (6), unless the SIP is in one of the
//! steps that [`contracts::binding::bare`] marks; its registers are kept beside its thread, so that it needs none of the
//! SIP's stack. The kernel's code is not preempted; long work in it calls [`relax`] where it may be interrupted.
//!
//! A ready thread is in the queue or in the core's `woken` list. A waiting one is named in exactly one place: an end's
//! `notify`, a set's `waiter`, an [`Event`](super::Event), or the list of sleepers; whoever takes it out of there makes it ready.
//!
//! A thread that does not run is at a safe point: between two steps of its own code, or where it waits. So it can be
//! retired (7) at any time. It may still be named where it waited, until its SIP's ends are closed; whoever wakes it
//! wakes a thread that gives the core to the next.

use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicUsize};

use contracts::abi;
use contracts::binding::bare::{hand_over_core, switch};
use contracts::sabotage::{Bug, planted};
use spin::Mutex;

use super::event::SERIAL_INPUT;
use super::thread::{BOOT_THREAD, Ready, Thread};
use super::{RunQueue, Sleepers, preemption};
use crate::arch::{clock, cores, interrupts};

static QUEUE: Mutex<RunQueue<Ready>> = Mutex::new(RunQueue::new());
static SLEEPERS: Mutex<Sleepers<Ready>> = Mutex::new(Sleepers::new());

/// Whether no thread runs.
pub(super) static IDLE: AtomicBool = AtomicBool::new(false);
/// Makes the running code, which the loader started, a thread of the kernel with this priority.
pub fn adopt_boot_thread(priority: u32) {
    BOOT_THREAD.shared.priority.store(priority, Relaxed);
    cores::core().current.store(ptr::from_ref(&BOOT_THREAD.shared).cast_mut(), Relaxed);
}

/// The running thread.
#[inline]
pub fn current() -> &'static Thread {
    // SAFETY: a thread runs from `adopt_boot_thread` on, and it is not freed while it runs.
    unsafe { whole(cores::core().current.load(Relaxed)) }
}

/// The thread that SIPs see as `shared`.
///
/// # Safety
///
/// It is the shared part of a thread that is not freed.
#[inline]
unsafe fn whole(shared: *const abi::Thread) -> &'static Thread {
    // SAFETY: the shared part comes first; passed on to the caller.
    unsafe { &*shared.cast() }
}

/// Queues a thread that was taken from where it waited.
pub fn ready(thread: &Thread) {
    let mut queue = QUEUE.lock();
    let mut priority = thread.shared.priority.load(Relaxed);
    if planted(Bug::OnePriority) && thread.shared.sip.load(Relaxed) != 0 {
        priority = 1;
    }
    // SAFETY: it was taken from the one place where it was named; threads at rest stay where they are.
    unsafe { queue.push(priority, &thread.queued) };
    cores::core().top_ready.store(queue.top(), Relaxed);
}

/// The woken threads that no queue holds yet, newest first.
fn woken() -> impl Iterator<Item = &'static Thread> {
    let mut next = cores::core().woken.load(Relaxed);
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: threads in the list are at rest and not freed.
        let thread = unsafe { whole(next) };
        next = thread.shared.woken_next.load(Relaxed);
        Some(thread)
    })
}

/// Whether a thread runs or waits for the core only.
pub fn is_ready(thread: &Thread) -> bool {
    ptr::eq(current(), thread) || thread.queued.is_queued() || woken().any(|woken| ptr::eq(woken, thread))
}

/// Changes the priority of a thread that is in no queue.
pub fn set_priority(thread: &Thread, priority: u32) {
    thread.shared.priority.store(priority, Relaxed);
}

/// Has a thread run at this priority, if that is greater than its own: at once, also if it waits for the core.
pub fn raise(thread: &Thread, priority: u32) {
    if priority <= thread.shared.priority.load(Relaxed) {
        return;
    }
    set_priority(thread, priority);
    if thread.queued.is_queued() {
        // SAFETY: there is one queue.
        unsafe { QUEUE.lock().remove(&thread.queued) };
        ready(thread);
    }
}

/// Moves the woken threads to the queue, where each comes last of its priority, the first to be woken first.
pub(super) fn queue_woken() {
    let core = cores::core();
    let mut reversed: *mut abi::Thread = ptr::null_mut();
    let mut next = core.woken.swap(ptr::null_mut(), Relaxed);
    // SAFETY: threads in the list are at rest and not freed.
    while let Some(thread) = unsafe { next.as_ref() } {
        let here = next;
        next = thread.woken_next.swap(reversed, Relaxed);
        reversed = here;
    }
    // SAFETY: as above.
    while let Some(thread) = unsafe { reversed.as_ref() } {
        let here = reversed;
        reversed = thread.woken_next.swap(ptr::null_mut(), Relaxed);
        // SAFETY: as above.
        ready(unsafe { whole(here) });
    }
}

/// Takes the best thread that could run.
fn next_thread() -> Option<&'static Thread> {
    queue_woken();
    let mut queue = QUEUE.lock();
    let next = queue.pop();
    cores::core().top_ready.store(queue.top(), Relaxed);
    // SAFETY: threads in the queue are not freed.
    next.map(|thread| unsafe { &*thread.0 })
}

/// Does what interrupts left to do.
pub(super) fn run_events() {
    let events = cores::take_events();
    if events & cores::EVENT_SERIAL != 0 {
        SERIAL_INPUT.signal();
    }
    if events & cores::EVENT_TIMER != 0 {
        wake_sleepers();
    }
}

/// Waits until there is a thread that could run.
pub(super) fn wait_for_thread() -> &'static Thread {
    loop {
        run_events();
        if let Some(next) = next_thread() {
            return next;
        }
        IDLE.store(true, Relaxed);
        interrupts::idle(|| cores::core().pending.load(Relaxed) != 0);
        IDLE.store(false, Relaxed);
    }
}

/// Gives the core to another thread until somebody makes this one ready. The caller has named it where it waits.
pub fn block() {
    let current = current();
    let next = wait_for_thread();
    if !ptr::eq(next, current) {
        cores::core().current.store(ptr::from_ref(&next.shared).cast_mut(), Relaxed);
        // SAFETY: `current` is running, and `next` was taken from the queue, where threads at rest are.
        unsafe { switch(&current.shared, &next.shared) };
    }
}

/// As [`block`]; the core goes to the thread that was woken last, without a look at the queue, if nothing there outranks it.
#[inline]
pub fn hand_off() {
    // SAFETY: the caller has named the running thread where it waits.
    unsafe { hand_over_core(cores::core(), block) };
}

/// Lets other ready threads of this priority run first.
pub fn yield_now() {
    ready(current());
    block();
}

/// A point at which long work in the kernel may be interrupted: gives the core to threads that outrank the running one,
/// and once a tick to those of its priority. The caller holds no lock, and may end here.
#[inline(always)]
pub fn relax() {
    #[cfg(feature = "campaign")]
    crate::injector::passes_point();
    let core = cores::core();
    let own = current().shared.priority.load(Relaxed);
    let is_outranked = core.top_ready.load(Relaxed) > own;
    if is_outranked || core.pending.load(Relaxed) != 0 || !core.woken.load(Relaxed).is_null() {
        make_way();
    }
}

/// The end of a call that a SIP has made: as [`relax`], if an interrupt came meanwhile, which could not take the core away.
#[inline(always)]
pub fn end_call() {
    if cores::core().pending.load(Relaxed) != 0 {
        make_way();
    }
}

#[cold]
fn make_way() {
    let core = cores::core();
    let own = current().shared.priority.load(Relaxed);
    let ticked = core.pending.load(Relaxed) != 0;
    if ticked {
        run_events();
    }
    queue_woken();
    let top = core.top_ready.load(Relaxed);
    if top > own || ticked && top == own {
        yield_now();
    }
}

/// Takes a thread that does not run out of all lists. If it is woken after all, by somebody who finds it named where it
/// waited, it gives the core away at once.
pub fn retire(thread: &Thread) {
    queue_woken();
    let mut queue = QUEUE.lock();
    // SAFETY: there is one queue, and one list of sleepers.
    unsafe {
        queue.remove(&thread.queued);
        if !planted(Bug::ForgottenSleeper) {
            SLEEPERS.lock().remove(&thread.sleeper);
        }
    }
    cores::core().top_ready.store(queue.top(), Relaxed);
    preemption::give_way(thread);
}

/// As [`block`], until the clock shows `deadline`, in nanoseconds since the system started. `word` is where the caller
/// has named itself, if it has; when the deadline passes first, it is cleared. The resolution is a tick of the timer,
/// see [`crate::arch::apic`].
pub fn block_until(deadline: u64, word: Option<&'static AtomicUsize>) {
    let thread = current();
    thread.word.store(word.map_or(ptr::null_mut(), |word| ptr::from_ref(word).cast_mut()), Relaxed);
    // SAFETY: a thread that runs is in no list, and it stays where it is.
    unsafe { SLEEPERS.lock().add(deadline, &thread.sleeper) };
    // A deadline that has passed already is found by the next tick.
    block();
    if !planted(Bug::LastingSleeper) {
        // SAFETY: there is one list of sleepers.
        unsafe { SLEEPERS.lock().remove(&thread.sleeper) };
    }
}

fn wake_sleepers() {
    let now = clock::now_ns();
    loop {
        let Some(Ready(thread)) = SLEEPERS.lock().pop_due(now) else { return };
        // SAFETY: a thread that was in the list is not freed.
        let thread = unsafe { &*thread };
        // SAFETY: null, or a word that the sleeping thread holds.
        let word = unsafe { thread.word.load(Relaxed).as_ref() };
        // Somebody who took the thread out of the word has made it ready.
        if word.is_none_or(|word| word.load(Relaxed) == ptr::from_ref(thread) as usize) {
            if let Some(word) = word {
                word.store(0, Relaxed);
            }
            ready(thread);
        }
    }
}
