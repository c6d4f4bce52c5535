//! What a thread is, and how one is made. Where it goes from there is for [`super::threads`] to say.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::naked_asm;
use core::cell::UnsafeCell;
use core::mem::{MaybeUninit, offset_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

use contracts::abi::{self, OwnerKind};
use contracts::sabotage::{Bug, planted};

use super::threads::{current, ready};
use super::{Queued, Sleeper, preemption};
use crate::account::{self, Account};
use crate::arch::ring3;
use crate::arch::trap::{self, Context};
use crate::domain::Domain;
use crate::memory::stacks::Stack;
use crate::unwind::Start;

/// A thread and its stack.
///
/// Holding one proves that it is not freed; it must have [left](super::leave), have been [retired](super::retire), or never have run,
/// before it is dropped, and nothing may name it any more.
#[repr(C)]
pub struct Thread {
    /// What SIPs see; first, so that its address is this one's.
    pub(super) shared: abi::Thread,
    pub(super) account: &'static Account,
    pub(super) queued: Queued<Ready>,
    pub(super) sleeper: Sleeper<Ready>,
    /// Where it is named besides the list of sleepers, while it is in that.
    pub(super) word: AtomicPtr<AtomicUsize>,
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
pub(super) struct Ready(pub(super) *const Thread);

// SAFETY: threads are kept until nothing names them, and their fields are atomics.
unsafe impl Send for Ready {}
// SAFETY: as above.
unsafe impl Sync for Ready {}

/// The thread that the loader started.
pub(super) static BOOT_THREAD: Thread = Thread {
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

/// Number of the kernel's own threads.
pub fn kernel_threads() -> u32 {
    KERNEL_THREADS.load(Relaxed)
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
