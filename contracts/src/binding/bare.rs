//! The binding between SIPs on one core: direct hand-off.
//!
//! A send that finds the peer waiting puts the peer's thread in the core's `woken` list, not in a queue. When
//! the sender then waits itself, control goes straight to that thread: no queue is touched, no kernel code
//! runs, and the rest of the time slice goes along. Only when there is nobody to hand over to, when several were woken,
//! when a thread in the queue outranks the peer, or when an interrupt left work, the kernel's scheduler decides.
//!
//! Nothing here is atomic beyond single loads and stores. Interrupt handlers write nothing but [`Core::pending`], and
//! a thread is neither preempted nor ended between `enter` and `leave`, or between `enter` and the switch that ends its
//! step. Nothing in a step faults or calls the kernel, but for the wait that ends it:
//!
//! - what a message carries is tagged and put into its slot, or taken out of it, in one step, so that the ledger can
//!   always tell where it is;
//! - taking a thread out of a `notify` or `waiter` word and making it ready is one step, so that it is made ready once;
//! - looking for news, naming oneself, and switching away is one step, so that no news falls in between;
//! - an end joins, leaves or is listed in a set in one step.
//!
//! The rings need none of this: each counter has one writer.

mod account;
mod beyond;

use core::alloc::Layout;
use core::arch::asm;
use core::mem::offset_of;
use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::{
    Account, BEYOND, BlockEntry, Channel, ChannelRequest, Core, Counters, End, NOTIFY_SET, Owner, READY, Set,
    Table, Thread,
};
use crate::endpoint::{Contract, Side};
use crate::exbox::Exhausted;
use crate::gate;
use crate::port::RawEnd;
use crate::sabotage::{Bug, planted};
use crate::time::Instant;

pub use account::{account_has_room_for, account_takes_over};
#[cfg(not(feature = "std"))]
pub(crate) use account::{has_room_for, take_over};
pub(crate) use beyond::gate_wait;
use beyond::{On, block, is_listed_beyond};
#[cfg(not(feature = "std"))]
pub(crate) use beyond::{gate_join, post, violation};

static TABLE: AtomicPtr<Table> = AtomicPtr::new(ptr::null_mut());
static ACCOUNT: AtomicPtr<Account> = AtomicPtr::new(ptr::null_mut());

/// Tells this image which kernel serves it and who it is. Called once, before anything else of this crate.
///
/// # Safety
///
/// The table's functions behave as documented, the account is this image's, and `gs:[0]` holds the address of the core's
/// [`Core`].
pub unsafe fn start(table: &'static Table, account: &'static Account) {
    TABLE.store(ptr::from_ref(table).cast_mut(), Relaxed);
    ACCOUNT.store(ptr::from_ref(account).cast_mut(), Relaxed);
}

/// The kernel's functions.
///
/// # Panics
///
/// If the image was not [`start`]ed.
///
/// # Safety
///
/// For the runtime and this crate: the functions trust their callers, and this code runs in a SIP or the kernel.
#[inline]
pub unsafe fn table() -> &'static Table {
    // SAFETY: null, or the table given to `start`, which is never freed.
    unsafe { TABLE.load(Relaxed).as_ref() }.expect("the runtime has been started")
}

/// Who this image is.
///
/// # Panics
///
/// If the image was not [`start`]ed.
pub fn owner() -> Owner {
    // SAFETY: null, or the account given to `start`, which outlives this image.
    let account = unsafe { ACCOUNT.load(Relaxed).as_ref() }.expect("the runtime has been started");
    Owner::from_bits(account.owner.load(Relaxed))
}

/// This image's account.
#[inline(always)]
fn account() -> &'static Account {
    // SAFETY: what receives is an image that was started, and the account given to `start` outlives it.
    unsafe { &*ACCOUNT.load(Relaxed) }
}

/// The running core's own data.
///
/// # Safety
///
/// For the kernel and this crate: whoever writes to it decides what runs, and this code runs in a SIP or the kernel.
#[inline]
pub unsafe fn this_core() -> &'static Core {
    let core: *const Core;
    // SAFETY: while our code runs, GS points at the core's data, whose first word is its own address.
    unsafe {
        asm!("mov {}, gs:[{this}]", out(reg) core, this = const offset_of!(Core, this), options(nostack, preserves_flags, pure, readonly));
        &*core
    }
}

/// As [`table`], for this crate, whose functions are reached only through what an image that was started owns.
#[inline(always)]
fn kernel() -> &'static Table {
    // SAFETY: this is the crate that the functions trust.
    unsafe { table() }
}

/// As [`this_core`], for this crate.
#[inline(always)]
fn core() -> &'static Core {
    // SAFETY: as above.
    unsafe { this_core() }
}

/// Leaves `from` and goes on in `to`. Returns when somebody switches back to `from`.
///
/// The register convention of the ABI: a thread at rest is a stack pointer and an address to jump to; rbx and rbp
/// lie on its stack, every other register is lost. It is left and entered by jumps, because a `ret` on a
/// stack other than its call's defeats the processor's return prediction.
///
/// # Safety
///
/// `from` is the running thread, `to` is at rest, and [`Core::current`] names `to` already.
#[inline]
pub unsafe fn switch(from: &Thread, to: &Thread) {
    // SAFETY: the asm saves all that it does not declare lost; the pushes are accounted for by not saying
    // `nostack`, so they cannot land in a red zone.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "mov [rdi + {resume}], rax",
            "mov [rdi + {stack}], rsp",
            "mov rsp, [rsi + {stack}]",
            "jmp [rsi + {resume}]",
            "2:",
            "mov dword ptr gs:[{busy}], 0",
            "pop rbp",
            "pop rbx",
            busy = const offset_of!(Core, busy),
            stack = const offset_of!(Thread, stack_pointer),
            resume = const offset_of!(Thread, resume),
            inout("rdi") from => _,
            inout("rsi") to => _,
            out("r12") _, out("r13") _, out("r14") _, out("r15") _,
            clobber_abi("C"),
        );
    }
}

/// Bytes of stack that a step may need.
const STEP_STACK: usize = 2048;
const _: () = assert!(STEP_STACK < 4096, "the look below the stack pointer is not to go past a guard page");

/// Begins a step during which the running thread is not preempted and does not die. Steps do not nest.
///
/// The look below the stack pointer makes a stack that is too short for the step fault now, not within.
#[inline(always)]
fn enter() {
    // SAFETY: while our code runs, GS points at the core's data. Below a stack lies its guard page, which is there to be
    // faulted on.
    unsafe {
        asm!(
            "cmp byte ptr [rsp - {room}], 0",
            "mov dword ptr gs:[{busy}], 1",
            room = const STEP_STACK,
            busy = const offset_of!(Core, busy),
            options(nostack)
        )
    };
}

/// Ends a step. An interrupt that came meanwhile is seen to at the next one, or when the thread waits.
#[inline(always)]
fn leave() {
    // SAFETY: while our code runs, GS points at the core's data.
    unsafe {
        asm!("mov dword ptr gs:[{busy}], 0", busy = const offset_of!(Core, busy), options(nostack, preserves_flags))
    };
}

/// Adds to one of the core's counters, in one instruction, between whose parts no other thread runs.
macro_rules! count {
    ($counter:ident, $amount:expr) => {
        // SAFETY: while our code runs, GS points at the core's data; the counters are numbers.
        unsafe {
            asm!(
                "add qword ptr gs:[{counter}], {amount}",
                counter = const offset_of!(Core, counters) + offset_of!(Counters, $counter),
                amount = in(reg) $amount,
                options(nostack),
            )
        }
    };
}

/// Begins the step in which what a message carries changes hands; [`notify`] or [`end_transfer`] ends it. `without` is the
/// bug that leaves the step out.
#[inline(always)]
pub(crate) fn begin_transfer(without: Bug) {
    if !planted(without) {
        enter();
    }
}

/// See [`begin_transfer`].
#[inline(always)]
pub(crate) fn end_transfer() {
    leave();
}

/// Nobody closes an end while another sends to it: a send is a step, and there is one core.
#[inline(always)]
pub(crate) fn give_up_if_closed(_: &Channel, _: Side) {}

#[inline]
pub(crate) fn count_moved(blocks: u64, bytes: u64) {
    count!(blocks_moved, blocks);
    count!(bytes_moved, bytes);
}

pub(crate) fn count_copied(bytes: usize) {
    count!(bytes_copied, bytes as u64);
}

pub(crate) fn allocate_block(layout: Layout) -> Option<&'static BlockEntry> {
    // SAFETY: null, or a ledger entry, which stays where it is.
    unsafe { (kernel().block_allocate)(layout.size(), layout.align()).as_ref() }
}

/// # Safety
///
/// The caller owns the block and does not use it again.
pub(crate) unsafe fn free_block(entry: &'static BlockEntry) {
    // SAFETY: passed on to the caller.
    unsafe { (kernel().block_free)(entry) }
}

pub(crate) fn create_channel<C: Contract>() -> Result<(RawEnd, RawEnd), Exhausted> {
    request_channel(
        const { &ChannelRequest { shape: C::SHAPE, contract: C::NAME, states: C::DESCRIPTION.states } },
    )
}

fn request_channel(request: &ChannelRequest) -> Result<(RawEnd, RawEnd), Exhausted> {
    let channel = (kernel().channel_create)(request);
    // SAFETY: null, or a fresh channel that lives until both ends are closed.
    let channel: &'static Channel = unsafe { channel.as_ref() }.ok_or(Exhausted)?;
    let mut server = channel.end(Side::Server);
    if gate::handle(channel.id).is_some() {
        // In a domain each end has a shadow of its own; the client's says where the server's is.
        // SAFETY: the kernel's word about a shadow that lives until its end is closed.
        server = unsafe { &*ptr::with_exposed_provenance(server.key.load(Relaxed)) };
    }
    // SAFETY: the ends are fresh and ours.
    Ok(unsafe { (RawEnd::new(channel.end(Side::Client)), RawEnd::new(server)) })
}

/// # Safety
///
/// The caller owns the open end and does not use it again.
pub(crate) unsafe fn close_end(end: &'static End) {
    // SAFETY: passed on to the caller.
    unsafe { (kernel().end_close)(end) }
}

pub(crate) fn create_set() -> Result<&'static Set, Exhausted> {
    // SAFETY: null, or a fresh set that lives until it is closed.
    unsafe { (kernel().set_create)().as_ref() }.ok_or(Exhausted)
}

/// # Safety
///
/// The caller owns the set, it has no members, and nobody waits on it.
pub(crate) unsafe fn close_set(set: &'static Set) {
    // SAFETY: passed on to the caller.
    unsafe { (kernel().set_close)(set) }
}

/// Lets the thread that waits on `end`, alone or in a set, know that there is something to receive.
#[inline]
pub(crate) fn notify(end: &End) {
    enter();
    let word = end.notify.load(Relaxed);
    if word == 0 {
        // Nobody waits.
    } else if word & NOTIFY_SET == 0 {
        end.notify.store(0, Relaxed);
        make_ready(word as *const Thread);
    } else {
        // SAFETY: a set lives as long as it has members.
        notify_set(unsafe { &*((word & !NOTIFY_SET) as *const Set) }, end);
    }
    leave();
}

#[inline]
fn notify_set(set: &Set, end: &End) {
    push_ready(set, end);
    let waiter = set.waiter.load(Relaxed);
    if waiter != 0 {
        set.waiter.store(0, Relaxed);
        make_ready(waiter as *const Thread);
    }
}

/// Makes `end` a member of the set. `has_news` looks whether it has something to receive.
#[inline]
pub(crate) fn join_set(set: &Set, end: &End, has_news: impl Fn() -> bool) {
    enter();
    end.notify.store(ptr::from_ref(set) as usize | NOTIFY_SET, Relaxed);
    if has_news() && !planted(Bug::ForgottenMember) {
        push_ready(set, end);
    }
    leave();
}

/// Ends the membership of an end that is in no list of ready ends but the caller's own.
#[inline]
pub(crate) fn leave_set(end: &End) {
    enter();
    forget_ready(end);
    end.notify.store(0, Relaxed);
    leave();
}

/// Lists `end` among the set's ready ends, unless it is there. In a domain the kernel does.
#[inline]
fn push_ready(set: &Set, end: &End) {
    let ready = end.ready.load(Relaxed);
    if ready == 0 {
        end.ready.store(READY, Relaxed);
        end.ready_next.store(set.ready.load(Relaxed), Relaxed);
        set.ready.store(ptr::from_ref(end).cast_mut(), Relaxed);
    } else if ready & BEYOND != 0 {
        gate::reached(set, end);
    }
}

/// Ends the membership of an end, also if its set lists it.
pub(crate) fn expel(end: &End) {
    enter();
    let word = end.notify.load(Relaxed);
    if word & NOTIFY_SET != 0 && end.ready.load(Relaxed) & READY != 0 {
        // SAFETY: a set lives as long as it has members.
        unlist(unsafe { &*ptr::with_exposed_provenance(word & !NOTIFY_SET) }, end);
    }
    forget_ready(end);
    end.notify.store(0, Relaxed);
    leave();
}

/// Lists an end in a set of the kernel's.
#[cfg(not(feature = "std"))]
pub(crate) fn list(set: &Set, end: &End) {
    enter();
    push_ready(set, end);
    leave();
}

/// Takes an end out of the list of its set.
fn unlist(set: &Set, end: &End) {
    let mut link = &set.ready;
    // SAFETY: what a set lists are ends of its members, which are open.
    while let Some(listed) = unsafe { link.load(Relaxed).as_ref() } {
        if ptr::eq(listed, end) {
            return link.store(end.ready_next.load(Relaxed), Relaxed);
        }
        link = &listed.ready_next;
    }
}

/// Notes, in one instruction, that `end` is in no list.
#[inline(always)]
fn forget_ready(end: &End) {
    // SAFETY: the word is a number.
    unsafe {
        asm!("and dword ptr [{}], {}", in(reg) end.ready.as_ptr(), const !READY as i32, options(nostack))
    };
}

/// Takes the whole list of ready ends, newest first.
#[inline]
pub(crate) fn take_ready(set: &Set) -> *const End {
    if !is_listed(set) && !is_listed_beyond(set) {
        return ptr::null();
    }
    enter();
    let first = set.ready.load(Relaxed);
    set.ready.store(ptr::null_mut(), Relaxed);
    leave();
    first
}

#[inline]
fn make_ready(thread: *const Thread) {
    let core = core();
    // SAFETY: the thread was taken out of a notify or waiter word, so it is at rest, and in no other list.
    unsafe { (*thread).woken_next.store(core.woken.load(Relaxed), Relaxed) };
    core.woken.store(thread.cast_mut(), Relaxed);
}

/// Whether a wait on a set would end at once.
#[inline]
fn is_listed(set: &Set) -> bool {
    !set.ready.load(Relaxed).is_null()
}

/// Returns what `look` finds. If that is nothing, blocks the running thread until `end` has something to receive, or
/// for a shorter time, and returns nothing.
#[inline]
pub(crate) fn wait<T>(end: &End, look: impl FnOnce() -> Option<T>) -> Option<T> {
    enter();
    let found = look();
    if found.is_some() {
        leave();
        return found;
    }
    let core = core();
    end.notify.store(core.current.load(Relaxed) as usize, Relaxed);
    park(core, On::End(end));
    None
}

/// Blocks the running thread, which sends on `end`, until the receiver has given credit or closed. May return early.
#[inline]
pub(crate) fn wait_room(end: &End, something_there: impl Fn() -> bool) {
    let _ = wait(end, || something_there().then_some(()));
}

/// Blocks the running thread until a member of the set has something to receive. Returns the list of such members,
/// newest first.
#[inline]
pub(crate) fn wait_set(set: &Set) -> *const End {
    loop {
        enter();
        let first = set.ready.load(Relaxed);
        if !first.is_null() {
            set.ready.store(ptr::null_mut(), Relaxed);
            leave();
            return first;
        }
        let core = core();
        set.waiter.store(core.current.load(Relaxed) as usize, Relaxed);
        park(core, On::Set(set));
    }
}

/// As [`wait`], until the clock shows at least `deadline`.
pub(crate) fn wait_until(end: &End, deadline: Instant) {
    if let Some(handle) = On::End(end).handle() {
        return gate_wait(handle, deadline.as_nanos());
    }
    enter();
    // SAFETY: the caller holds the end, which is open.
    if !unsafe { end.has_news() } {
        end.notify.store(core().current.load(Relaxed) as usize, Relaxed);
        // SAFETY: the word names this thread, and the end outlives the call.
        unsafe { (kernel().thread_block_until)(deadline.as_nanos(), &end.notify) };
    }
    leave();
}

/// As [`wait_set`], until the clock shows at least `deadline`.
pub(crate) fn wait_set_until(set: &Set, deadline: Instant) {
    if let Some(handle) = gate::handle(set.id).filter(|_| !is_listed(set)) {
        return gate_wait(handle, deadline.as_nanos());
    }
    enter();
    if !is_listed(set) {
        set.waiter.store(core().current.load(Relaxed) as usize, Relaxed);
        // SAFETY: the word names this thread, and the set outlives the call.
        unsafe { (kernel().thread_block_until)(deadline.as_nanos(), &set.waiter) };
    }
    leave();
}

/// Blocks the running thread until the clock shows at least `deadline`.
pub(crate) fn sleep_until(deadline: Instant) {
    while now() < deadline {
        // SAFETY: no word names this thread.
        unsafe { (kernel().thread_block_until)(deadline.as_nanos(), ptr::null()) };
    }
}

/// The time.
pub(crate) fn now() -> Instant {
    Instant::from_nanos((kernel().clock)())
}

/// The set that the running thread's selections wait on.
pub(crate) fn selection() -> &'static Set {
    // SAFETY: a thread lives as long as its code runs.
    unsafe { &(*core().current.load(Relaxed)).selection }
}

/// Switches away, in the step that named the running thread where it waits.
#[inline]
fn park(core: &Core, on: On<'_>) {
    // SAFETY: the caller has named the running thread where it waits.
    unsafe { hand_over_core(core, || block(on)) };
}

/// Goes on in the thread that was woken last, if it is to run next; otherwise `block` has the kernel decide. Ends the step.
///
/// # Safety
///
/// The running thread is named where it waits, and `block` returns when it was taken out of there.
#[inline(always)]
pub unsafe fn hand_over_core(core: &Core, block: impl FnOnce()) {
    let woken = core.woken.load(Relaxed);
    // SAFETY: null, or a thread that is at rest and in no queue.
    if let Some(next) = unsafe { woken.as_ref() }
        && next.woken_next.load(Relaxed).is_null()
        && core.pending.load(Relaxed) == 0
        && next.priority.load(Relaxed) >= core.top_ready.load(Relaxed)
    {
        let current = core.current.load(Relaxed);
        core.woken.store(ptr::null_mut(), Relaxed);
        core.current.store(woken, Relaxed);
        count!(hand_offs, 1u64);
        // SAFETY: `current` is the running thread, `next` was at rest and is now named current.
        unsafe { switch(&*current, next) };
    } else {
        block();
        leave();
    }
}
