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

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

use contracts::abi::{self, OwnerKind};
use contracts::binding::bare::{hand_over_core, switch};
use contracts::sabotage::{Bug, planted};
use spin::Mutex;

use super::event::SERIAL_INPUT;
use super::{Queued, RunQueue, Sleeper, Sleepers, preemption};
use crate::account::{self, Account};
use crate::arch::ring3;
use crate::arch::trap::{self, Context};
use crate::arch::{clock, cores, interrupts};
use crate::domain::Domain;
use crate::memory::stacks::Stack;
use crate::unwind::Start;

/// A thread and its stack.
///
/// Holding one proves that it is not freed; it must have [left](super::leave), have been [`retire`]d, or never have run,
/// before it is dropped, and nothing may name it any more.
#[repr(C)]
pub struct Thread {
    /// What SIPs see; first, so that its address is this one's.
    pub(super) shared: abi::Thread,
    pub(super) account: &'static Account,
    queued: Queued<Ready>,
    sleeper: Sleeper<Ready>,
    /// Where it is named besides the list of sleepers, while it is in that.
    word: AtomicPtr<AtomicUsize>,
    /// Whether it has left, for good.
    pub(super) left: AtomicBool,
    /// None for the boot thread, whose stack the loader made. That of a domain's thread is the kernel's.
    stack: Option<Stack>,
    /// Where that begins: the place of a domain's thread for what it has in ring 3, while it is in the kernel.
    gate_stack: u64,
    /// That of its `ring3`, or null.
    domain: *const Domain,
    /// Of a domain's thread: where it is when it is not in the kernel.
    ring3: Option<Box<Ring3>>,
    /// What it goes on with after it was preempted.
    pub(super) preempted: UnsafeCell<MaybeUninit<Context>>,
}

// SAFETY: the context is written by the interrupt that preempts the thread and read when it goes on, one at a time.
unsafe impl Sync for Thread {}
// SAFETY: nothing in it belongs to a core.
unsafe impl Send for Thread {}

/// What a domain's thread has in ring 3.
pub struct Ring3 {
    /// What the kernel keeps of the domain, for as long as it has threads.
    pub domain: *const Domain,
    /// Where the domain is told which of its threads runs: a word of its own page, through the kernel's window.
    pub core_current: *mut u64,
    /// What it is told: where the shadow of this thread lies in the domain.
    pub thread: u64,
    /// The handle of the set of its selections.
    pub selection: u64,
    /// Physical address of the root of its space.
    pub root: u64,
    /// Where it starts.
    pub entry: u64,
    /// The stack pointer that it starts with.
    pub stack_pointer: u64,
    /// Lowest address of that stack.
    pub stack_limit: u64,
    /// Passed to `entry`.
    pub argument: u64,
}

// SAFETY: what it refers to belongs to no core.
unsafe impl Send for Ring3 {}

impl Ring3 {
    /// Where its address lies in a [`Thread`].
    pub const IN_THREAD: usize = offset_of!(Thread, ring3);
    /// Where it lies there at which address the thread's stack in the kernel begins.
    pub const GATE_STACK_IN_THREAD: usize = offset_of!(Thread, gate_stack);
}

/// Why there is no new thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadError {
    /// The kernel's heap is exhausted.
    OutOfMemory,
}

/// A thread that could run or waits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ready(*const Thread);

// SAFETY: threads are kept until nothing names them, and their fields are atomics.
unsafe impl Send for Ready {}
// SAFETY: as above.
unsafe impl Sync for Ready {}

static QUEUE: Mutex<RunQueue<Ready>> = Mutex::new(RunQueue::new());
static SLEEPERS: Mutex<Sleepers<Ready>> = Mutex::new(Sleepers::new());

static BOOT_THREAD: Thread = Thread {
    shared: abi::Thread {
        stack_pointer: AtomicUsize::new(0),
        resume: AtomicUsize::new(0),
        stack_limit: AtomicUsize::new(0),
        priority: AtomicU32::new(1),
        sip: AtomicU32::new(0),
        woken_next: AtomicPtr::new(ptr::null_mut()),
        selection: abi::Set::unlisted(),
    },
    account: &account::KERNEL,
    queued: Queued::new(Ready(&raw const BOOT_THREAD)),
    sleeper: Sleeper::new(Ready(&raw const BOOT_THREAD)),
    word: AtomicPtr::new(ptr::null_mut()),
    left: AtomicBool::new(false),
    stack: None,
    gate_stack: 0,
    domain: ptr::null(),
    ring3: None,
    preempted: UnsafeCell::new(MaybeUninit::uninit()),
};

/// The boot thread, and those of the kernel that were spawned; they run for good.
static KERNEL_THREADS: AtomicU32 = AtomicU32::new(1);

/// Whether no thread runs.
pub(super) static IDLE: AtomicBool = AtomicBool::new(false);
/// Number of the kernel's own threads.
pub fn kernel_threads() -> u32 {
    KERNEL_THREADS.load(Relaxed)
}

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

/// Makes a thread of the account's SIP, or of the kernel, ready to run `entry(argument)`.
pub fn spawn(
    account: &'static Account,
    priority: u32,
    stack: Stack,
    entry: unsafe extern "C" fn(usize) -> !,
    argument: usize,
) -> Result<Box<Thread>, ThreadError> {
    make((account, priority), stack, (entry, argument), None)
}

/// Makes a thread of the account's domain ready to run in ring 3 as `ring3` says; `stack` is the one that it has in the
/// kernel, where its calls are served.
pub fn spawn_in_ring3(
    account: &'static Account,
    priority: u32,
    stack: Stack,
    ring3: Ring3,
) -> Result<Box<Thread>, ThreadError> {
    let mut place = Vec::new();
    place.try_reserve_exact(1).map_err(|_| ThreadError::OutOfMemory)?;
    place.push(ring3);
    let place: Box<[Ring3; 1]> = place.into_boxed_slice().try_into().map_err(|_| ThreadError::OutOfMemory)?;
    // SAFETY: an array of one is laid out as the one.
    let ring3 = unsafe { Box::from_raw(Box::into_raw(place).cast::<Ring3>()) };
    make((account, priority), stack, (begin_in_ring3, 0), Some(ring3))
}

unsafe extern "C" fn begin_in_ring3(_: usize) -> ! {
    let ring3 = current().ring3.as_ref().expect("the thread is a domain's");
    // SAFETY: `spawn_in_ring3` made this thread, and there is nothing on its stack.
    unsafe { ring3::begin(ring3) }
}

fn make(
    (account, priority): (&'static Account, u32),
    stack: Stack,
    (entry, argument): (unsafe extern "C" fn(usize) -> !, usize),
    ring3: Option<Box<Ring3>>,
) -> Result<Box<Thread>, ThreadError> {
    let stack_limit = ring3.as_ref().map_or(stack.limit().as_u64(), |ring3| ring3.stack_limit);
    let stack_limit = if planted(Bug::NoHeadroom) { 0 } else { stack_limit };
    let sip = match account.owner().kind() {
        OwnerKind::Sip(id) => id,
        _ => 0,
    };
    let top = stack.top().as_u64() as usize;
    let start = (top - 2 * size_of::<usize>()) as *mut [usize; 2];
    // SAFETY: the two words at the top of a fresh stack.
    unsafe { start.write([argument, entry as usize]) };
    let layout = core::alloc::Layout::new::<Thread>();
    // SAFETY: the layout is not empty; the memory is initialised before it becomes a box.
    let thread = unsafe {
        let memory = alloc::alloc::alloc(layout).cast::<Thread>();
        if memory.is_null() {
            return Err(ThreadError::OutOfMemory);
        }
        memory.write(Thread {
            shared: abi::Thread {
                stack_pointer: (start as usize).into(),
                resume: (thread_start as *const () as usize).into(),
                stack_limit: (stack_limit as usize).into(),
                priority: priority.into(),
                sip: sip.into(),
                woken_next: AtomicPtr::new(ptr::null_mut()),
                selection: abi::Set::unlisted(),
            },
            account,
            queued: Queued::new(Ready(memory)),
            sleeper: Sleeper::new(Ready(memory)),
            word: AtomicPtr::new(ptr::null_mut()),
            left: AtomicBool::new(false),
            gate_stack: stack.top().as_u64(),
            stack: Some(stack),
            domain: ring3.as_ref().map_or(ptr::null(), |ring3| ring3.domain),
            ring3,
            preempted: UnsafeCell::new(MaybeUninit::uninit()),
        });
        Box::from_raw(memory)
    };
    if sip == 0 {
        KERNEL_THREADS.fetch_add(1, Relaxed);
    }
    ready(&thread);
    Ok(thread)
}

impl Thread {
    /// The part that SIPs see.
    pub fn shared(&self) -> &abi::Thread {
        &self.shared
    }

    /// The account of the SIP it belongs to, or the kernel's.
    pub fn account(&self) -> &'static Account {
        self.account
    }

    /// Whether it has left: nothing runs on its stack any more, once another thread runs.
    pub fn has_left(&self) -> bool {
        self.left.load(Relaxed)
    }

    /// Its stack, unless it is the boot thread.
    pub fn stack(&self) -> Option<&Stack> {
        self.stack.as_ref()
    }

    /// What it has in ring 3, if it is a domain's.
    pub fn ring3(&self) -> Option<&Ring3> {
        self.ring3.as_deref()
    }

    /// The domain that it belongs to, if it belongs to one.
    #[inline]
    pub fn domain(&self) -> Option<&Domain> {
        // SAFETY: null, or a domain, which is there for as long as it has threads that run.
        unsafe { self.domain.as_ref() }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        assert!(!self.queued.is_queued() && !self.sleeper.sleeps(), "a thread that is dropped is in no list");
    }
}

/// Where a new thread's first switch jumps to: its entry and argument lie on its stack.
#[unsafe(naked)]
unsafe extern "C" fn thread_start() {
    naked_asm!(
        "mov dword ptr gs:[{busy}], 0",
        "pop rdi",
        "pop rax",
        "xor ebp, ebp",
        "push 0",
        "jmp rax",
        busy = const offset_of!(abi::Core, busy),
    )
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

/// Where a thread that does not run goes on; none if it has not begun, or has left.
pub fn place(thread: &Thread) -> Option<Start> {
    let resume = thread.shared.resume.load(Relaxed);
    let stack = thread.shared.stack_pointer.load(Relaxed);
    let is_outside =
        [thread_start as *const (), preemption::retired as *const ()].map(|place| place as usize);
    if thread.has_left() || is_outside.contains(&resume) {
        return None;
    }
    if resume == trap::resume as *const () as usize {
        // SAFETY: a preempted thread's context lies there until it goes on.
        return Some(Start::Interrupted(unsafe { &*(stack as *const Context) }.frame().into()));
    }
    if thread.ring3.is_some() {
        // Where it called the kernel from, if it has begun.
        let word = |below: u64| thread.stack().and_then(|stack| stack.word(thread.gate_stack - below));
        let (address, frame) = (word(ring3::RIP_BELOW)?, word(ring3::RBP_BELOW)?);
        return (address != 0).then_some(Start::InFrame { address, frame });
    }
    // SAFETY: `switch` has left the frame pointer on top of the stack.
    let frame = unsafe { *(stack as *const u64) };
    Some(Start::InFrame { address: resume as u64, frame })
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
