//! The core's threads.
//!
//! ```text
//!            1 spawn          3 pop            5 leave
//! (nothing) --------> ready ---------> running --------> (gone)
//!                       ^ ^--6 preempt----|
//!                       | 2 ready         | 4 block, hand-off
//!                       +----- waiting <--+
//! ```
//!
//! An interrupt that finds a SIP's own code running takes the core away from it (6), unless the SIP is in one of the
//! steps that [`contracts::binding::bare`] marks; its registers are kept beside its thread, so that it needs none of the
//! SIP's stack. The kernel's code is not preempted.
//!
//! A ready thread is in the queue or in the core's `woken` word. A waiting one is named in exactly one place: an end's
//! `notify`, a set's `waiter`, an [`Event`], or the list of sleepers; whoever takes it out of there makes it ready.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::arch::{asm, naked_asm};
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};

use conquer_once::spin::OnceCell;
use contracts::abi;
use contracts::binding::bare::switch;
use spin::Mutex;

use super::RunQueue;
use crate::arch::trap::{self, Context, Preemption, TrapFrame};
use crate::arch::{clock, cores, interrupts};
use crate::memory::layout;
use crate::memory::stacks::{Stack, StackError};

/// A thread and its stack.
///
/// Holding one proves that it is not freed; it must have [`leave`]d, or never have run, before it is dropped.
#[repr(C)]
pub struct Thread {
    shared: abi::Thread,
    stack: Stack,
    /// What it goes on with after it was preempted.
    preempted: UnsafeCell<MaybeUninit<Context>>,
}

// SAFETY: the context is written by the interrupt that preempts the thread and read when it goes on, one at a time.
unsafe impl Sync for Thread {}

/// Why there is no new thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadError {
    /// The kernel's heap is exhausted.
    OutOfMemory,
}

/// A thread that waits to run.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ready(*const abi::Thread);

// SAFETY: threads are kept until they have left for good, and their fields are atomics.
unsafe impl Send for Ready {}

struct Sleeper {
    thread: Ready,
    /// Where the thread is named besides, if anywhere.
    word: Option<&'static AtomicUsize>,
}

struct Sleepers {
    by_deadline: BTreeMap<(u64, u64), Sleeper>,
    next: u64,
}

static QUEUE: Mutex<RunQueue<Ready>> = Mutex::new(RunQueue::new());
static SLEEPERS: Mutex<Sleepers> = Mutex::new(Sleepers { by_deadline: BTreeMap::new(), next: 0 });

static BOOT_THREAD: abi::Thread = abi::Thread {
    stack_pointer: AtomicUsize::new(0),
    resume: AtomicUsize::new(0),
    stack_limit: AtomicUsize::new(0),
    priority: AtomicU32::new(1),
    sip: AtomicU32::new(0),
    selection: abi::Set::unlisted(),
};

/// The boot thread, and those of the kernel that were spawned; they run for good.
static KERNEL_THREADS: AtomicU32 = AtomicU32::new(1);

/// Number of the kernel's own threads.
pub fn kernel_threads() -> u32 {
    KERNEL_THREADS.load(Relaxed)
}

/// Makes the running code, which the loader started, a thread of the kernel with this priority.
pub fn adopt_boot_thread(priority: u32) {
    BOOT_THREAD.priority.store(priority, Relaxed);
    QUEUE.lock().reserve(priority, 1);
    cores::core().current.store(ptr::from_ref(&BOOT_THREAD).cast_mut(), Relaxed);
}

/// The running thread.
pub fn current() -> &'static abi::Thread {
    // SAFETY: a thread runs from `adopt_boot_thread` on, and it is not freed while it runs.
    unsafe { &*cores::core().current.load(Relaxed) }
}

/// Makes a thread of SIP `sip` (0 is the kernel), ready to run `entry(argument)`.
pub fn spawn(
    sip: u32,
    priority: u32,
    stack: Stack,
    entry: unsafe extern "C" fn(usize) -> !,
    argument: usize,
) -> Result<Box<Thread>, ThreadError> {
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
                stack_limit: (stack.limit().as_u64() as usize).into(),
                priority: priority.into(),
                sip: sip.into(),
                selection: abi::Set::unlisted(),
            },
            stack,
            preempted: UnsafeCell::new(MaybeUninit::uninit()),
        });
        Box::from_raw(memory)
    };
    QUEUE.lock().reserve(priority, THREADS_A_PRIORITY);
    if sip == 0 {
        KERNEL_THREADS.fetch_add(1, Relaxed);
    }
    ready(&thread.shared);
    Ok(thread)
}

impl Thread {
    /// Its stack.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The part that hand-off knows.
    pub fn shared(&self) -> &abi::Thread {
        &self.shared
    }
}

/// Room kept in the queue, so that making a thread ready does not allocate in the usual case.
const THREADS_A_PRIORITY: usize = 64;

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
pub fn ready(thread: &abi::Thread) {
    let mut queue = QUEUE.lock();
    queue.push(thread.priority.load(Relaxed), Ready(thread));
    cores::core().top_ready.store(queue.top(), Relaxed);
}

/// Whether a thread runs or waits for the core only.
pub fn is_ready(thread: &abi::Thread) -> bool {
    let core = cores::core();
    let this = ptr::from_ref(thread);
    ptr::eq(core.current.load(Relaxed), this)
        || ptr::eq(core.woken.load(Relaxed), this)
        || QUEUE.lock().iter().any(|ready| *ready == Ready(this))
}

/// Takes the best thread that could run: the woken one counts as the last of its priority.
fn next_thread() -> Option<&'static abi::Thread> {
    let core = cores::core();
    let mut queue = QUEUE.lock();
    let woken = core.woken.swap(ptr::null_mut(), Relaxed);
    // SAFETY: null, or a thread that is not freed while it could run.
    if let Some(thread) = unsafe { woken.as_ref() } {
        queue.push(thread.priority.load(Relaxed), Ready(thread));
    }
    let next = queue.pop();
    core.top_ready.store(queue.top(), Relaxed);
    // SAFETY: as above.
    next.map(|thread| unsafe { &*thread.0 })
}

/// Does what interrupts left to do.
fn run_events() {
    let events = cores::take_events();
    if events & cores::EVENT_SERIAL != 0 {
        SERIAL_INPUT.signal();
    }
    if events & cores::EVENT_TIMER != 0 {
        wake_sleepers();
    }
}

/// Gives the core to another thread until somebody makes this one ready. The caller has named it where it waits.
pub fn block() {
    let core = cores::core();
    let current = current();
    loop {
        run_events();
        match next_thread() {
            Some(next) if ptr::eq(next, current) => return,
            Some(next) => {
                core.current.store(ptr::from_ref(next).cast_mut(), Relaxed);
                // SAFETY: `current` is running, and `next` was taken from the queue, where threads at rest are.
                unsafe { switch(current, next) };
                return;
            }
            None => interrupts::idle(|| core.pending.load(Relaxed) != 0),
        }
    }
}

/// Lets other ready threads of this priority run first.
pub fn yield_now() {
    ready(current());
    block();
}

const PREEMPTION_STACK_PAGES: usize = 4;

static PREEMPTION_STACK: OnceCell<Stack> = OnceCell::uninit();

/// Makes interrupts share the core out among SIPs' threads. Called once.
pub fn start_preemption() -> Result<(), StackError> {
    let stack = Stack::allocate(PREEMPTION_STACK_PAGES)?;
    PREEMPTION_STACK.init_once(|| stack);
    trap::set_preemption_hook(preempt);
    Ok(())
}

/// Whether the interrupted context makes room: it does if it is a SIP's own code and not in the middle of a step. The
/// kernel is not preempted, so none of its locks is held then.
fn preempt(frame: &TrapFrame) -> Option<Preemption> {
    let core = cores::core();
    if !layout::is_sip_code(frame.rip) || core.busy.load(Relaxed) != 0 {
        return None;
    }
    let stack_top = PREEMPTION_STACK.try_get().ok()?.top();
    // SAFETY: SIP code runs on threads that `spawn` made, of which the shared part is the first.
    let thread = unsafe { &*core.current.load(Relaxed).cast::<Thread>() };
    let context = thread.preempted.get().cast::<Context>();
    thread.shared.stack_pointer.store(context as usize, Relaxed);
    thread.shared.resume.store(trap::resume as *const () as usize, Relaxed);
    Some(Preemption { context, entry: share_out, stack_top })
}

/// Gives the core to the best thread, the preempted one counting as the last of its priority. Runs on a stack of its
/// own, which is free again when it jumps away.
extern "C" fn share_out(_: usize) -> ! {
    run_events();
    ready(current());
    let next = next_thread().expect("the preempted thread is ready");
    cores::core().current.store(ptr::from_ref(next).cast_mut(), Relaxed);
    interrupts::enable();
    // SAFETY: `next` was taken from the queue, where threads at rest are; nothing on this stack is needed any more.
    unsafe {
        asm!(
            "mov rsp, [rax + {stack}]",
            "jmp [rax + {resume}]",
            stack = const offset_of!(abi::Thread, stack_pointer),
            resume = const offset_of!(abi::Thread, resume),
            in("rax") next,
            options(noreturn),
        )
    }
}

/// Gives up the core for good. The thread's memory may be freed once another thread runs.
pub fn leave() -> ! {
    block();
    unreachable!("a thread that left is not made ready")
}

/// As [`block`], until the clock shows `deadline`, in nanoseconds since the system started. `word` is where the caller
/// has named itself, if it has; when the deadline passes first, it is cleared. The resolution is a tick of the timer,
/// see [`crate::arch::apic`].
pub fn block_until(deadline: u64, word: Option<&'static AtomicUsize>) {
    let key = {
        let mut sleepers = SLEEPERS.lock();
        let key = (deadline, sleepers.next);
        sleepers.next += 1;
        sleepers.by_deadline.insert(key, Sleeper { thread: Ready(current()), word });
        key
    };
    // A deadline that has passed already is found by the next tick.
    block();
    SLEEPERS.lock().by_deadline.remove(&key);
}

fn wake_sleepers() {
    let now = clock::now_ns();
    loop {
        let mut sleepers = SLEEPERS.lock();
        let Some(first) = sleepers.by_deadline.first_entry().filter(|entry| entry.key().0 <= now) else {
            return;
        };
        let Sleeper { thread, word } = first.remove();
        drop(sleepers);
        // Somebody who took the thread out of the word has made it ready.
        let named = word.is_none_or(|word| word.load(Relaxed) == thread.0 as usize);
        if named {
            if let Some(word) = word {
                word.store(0, Relaxed);
            }
            // SAFETY: a sleeping thread is not freed.
            ready(unsafe { &*thread.0 });
        }
    }
}

/// Bytes came in on the serial port.
pub static SERIAL_INPUT: Event = Event::new();

/// Something that one kernel thread waits for.
pub struct Event {
    waiter: AtomicPtr<abi::Thread>,
}

impl Event {
    /// An event that nobody waits for.
    pub const fn new() -> Self {
        Event { waiter: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Blocks the running thread until the next [`Event::signal`]. One before this call is not remembered, but none
    /// comes between a look at what the event is about and this call, unless the thread waits in between.
    pub fn wait(&self) {
        self.waiter.store(ptr::from_ref(current()).cast_mut(), Relaxed);
        block();
    }

    /// Makes the waiting thread ready.
    pub fn signal(&self) {
        let waiter = self.waiter.swap(ptr::null_mut(), Relaxed);
        // SAFETY: null, or a thread that waits here and so is not freed.
        if let Some(thread) = unsafe { waiter.as_ref() } {
            ready(thread);
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}
