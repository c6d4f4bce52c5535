//! The binding between threads of a host process, for testing contracts and process logic without QEMU.
//!
//! Each thread plays a SIP of its own; [`ledger`] lists every block there is. Waiting parks the thread. The
//! fences are those of any sleeper and waker: each publishes first and looks second, so one of them sees the other.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::collections::HashMap;

use crate::abi::{BlockEntry, Channel, End, NOTIFY_SET, Owner, OwnerKind, Set, TRACKED_BLOCK, Tracked};
use crate::channel::{self, Carried, Closing};
use crate::endpoint::{Contract, Side};
use crate::exbox::Exhausted;
use crate::port::RawEnd;
use crate::sabotage::Bug;
use crate::sync::thread::{self, Thread};
use crate::sync::{self, AtomicBool, AtomicUsize, Mutex, fence, statics, thread_local};
use crate::time::Instant;

statics! {
    /// The memory of each block, by the address of its entry.
    static BLOCKS: Mutex<Option<HashMap<usize, Memory>>> = Mutex::new(None);
    /// Held by whoever closes an end or gives up what was sent to one that has closed.
    static CHANNEL_SIZES: Mutex<Vec<(u64, Layout)>> = Mutex::new(Vec::new());
    /// Held while an end joins, leaves or is listed in a set: an end that has left is in no list.
    static MEMBERSHIP: Mutex<()> = Mutex::new(());
}

// Nothing depends on these, so no checker needs to see them.
static NEXT_SIP: AtomicU32 = AtomicU32::new(1);
static NEXT_CHANNEL: AtomicU64 = AtomicU64::new(1);
static BYTES_COPIED: AtomicU64 = AtomicU64::new(0);
static BYTES_MOVED: AtomicU64 = AtomicU64::new(0);
static BLOCKS_MOVED: AtomicU64 = AtomicU64::new(0);

/// What the host's allocator gave for a block. The entry does not say: its alignment is not kept there.
#[derive(Clone, Copy)]
struct Memory {
    address: usize,
    layout: Layout,
}

struct Waiter {
    thread: Thread,
    woken: AtomicBool,
}

thread_local! {
    static SIP: u32 = NEXT_SIP.fetch_add(1, Relaxed);
    // Kept beyond the thread's end: a waker may still hold its address.
    static WAITER: &'static Waiter =
        sync::keep(Waiter { thread: thread::current(), woken: AtomicBool::new(false) });
    // Kept for the same reason.
    static SELECTION: &'static Set = new_set();
}

std::thread_local! {
    static EXHAUSTED: Cell<bool> = const { Cell::new(false) };
    static REFUSING: Cell<bool> = const { Cell::new(false) };
}

/// The tag of the calling thread, which plays a SIP of its own.
pub fn owner() -> Owner {
    Owner::sip(SIP.with(|sip| *sip))
}

/// One line of the host's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// Address of the block.
    pub address: usize,
    /// Its size in bytes.
    pub size: usize,
    /// Its owner.
    pub owner: OwnerKind,
}

/// Every block there is, with its owner.
pub fn ledger() -> Vec<LedgerLine> {
    let blocks = BLOCKS.lock().expect("no holder panics");
    blocks.iter().flatten().map(|(&entry, _)| ledger_line(entry)).collect()
}

fn ledger_line(entry: usize) -> LedgerLine {
    // SAFETY: the caller holds the lock that guards entries in the set from being freed.
    let entry = unsafe { &*(entry as *const BlockEntry) };
    LedgerLine {
        address: entry.address.load(Relaxed),
        size: entry.size.load(Relaxed),
        owner: Owner::from_bits(entry.tracked.owner.load(Relaxed)).kind(),
    }
}

/// Bytes copied between blocks so far, in the whole process.
pub fn bytes_copied() -> u64 {
    BYTES_COPIED.load(Relaxed)
}

/// Blocks and bytes that changed owner by a send so far, in the whole process.
pub fn moved() -> (u64, u64) {
    (BLOCKS_MOVED.load(Relaxed), BYTES_MOVED.load(Relaxed))
}

/// Makes every allocation of blocks, channels and sets by the calling thread fail, or lets them succeed again.
pub fn pretend_exhausted(exhausted: Exhaustion) {
    EXHAUSTED.with(|flag| flag.set(exhausted == Exhaustion::On));
}

/// Whether [`pretend_exhausted`] or [`refuse_blocks`] is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhaustion {
    /// They fail.
    On,
    /// They succeed while the host has memory.
    Off,
}

fn exhausted() -> bool {
    EXHAUSTED.with(Cell::get)
}

pub(crate) fn count_moved(blocks: u64, bytes: u64) {
    BLOCKS_MOVED.fetch_add(blocks, Relaxed);
    BYTES_MOVED.fetch_add(bytes, Relaxed);
}

pub(crate) fn count_copied(bytes: usize) {
    BYTES_COPIED.fetch_add(bytes as u64, Relaxed);
}

/// Makes every receive of a block by the calling thread break its limit, or lets them succeed again.
pub fn refuse_blocks(exhausted: Exhaustion) {
    REFUSING.with(|flag| flag.set(exhausted == Exhaustion::On));
}

/// Whether the calling thread's limit allows all that a message carries.
///
/// # Safety
///
/// `chain` was written by the send of a message that is the caller's to receive.
pub(crate) unsafe fn has_room_for(chain: *const Tracked) -> bool {
    let mut blocks = 0;
    // SAFETY: passed on to the caller.
    unsafe { channel::walk(chain, |carried| blocks += u32::from(matches!(carried, Carried::Block(_)))) };
    blocks == 0 || !REFUSING.with(Cell::get)
}

/// Makes all that a message carries the calling thread's.
///
/// # Safety
///
/// As [`has_room_for`].
pub(crate) unsafe fn take_over(chain: *const Tracked) {
    let owner = owner().to_bits();
    // SAFETY: passed on to the caller.
    unsafe {
        channel::walk(chain, |carried| match carried {
            Carried::Block(entry) => entry.tracked.owner.store(owner, Relaxed),
            Carried::End(end) => end.tracked.owner.store(owner, Relaxed),
        });
    }
}

/// A thread of the host ends where it wants to, so there is nothing to hold off.
pub(crate) fn begin_transfer(_without: Bug) {}

/// See [`begin_transfer`].
pub(crate) fn end_transfer() {}

/// Every block is aligned to a page, as on the machine the large ones are.
const BLOCK_ALIGN: usize = 4096;

pub(crate) fn allocate_block(layout: Layout) -> Option<&'static BlockEntry> {
    if exhausted() || layout.align() > BLOCK_ALIGN {
        return None;
    }
    // The host's allocator takes no empty request; a block may be empty.
    let host = Layout::from_size_align(layout.size().max(1), BLOCK_ALIGN).ok()?;
    // SAFETY: the layout's size is not zero.
    let address = unsafe { sync::alloc(host) };
    if address.is_null() {
        return None;
    }
    let entry = sync::lend(BlockEntry {
        tracked: crate::abi::Tracked {
            owner: owner().to_bits().into(),
            next: Default::default(),
            kind: TRACKED_BLOCK.into(),
            mark: Default::default(),
        },
        address: (address as usize).into(),
        size: layout.size().into(),
        capacity: host.size().into(),
        account: Default::default(),
    });
    let mut blocks = BLOCKS.lock().expect("no holder panics");
    let memory = Memory { address: address as usize, layout: host };
    blocks.get_or_insert_default().insert(ptr::from_ref(entry) as usize, memory);
    Some(entry)
}

/// # Safety
///
/// The caller owns the block and does not use it again.
pub(crate) unsafe fn free_block(entry: &'static BlockEntry) {
    let key = ptr::from_ref(entry) as usize;
    let known = BLOCKS.lock().expect("no holder panics").as_mut().and_then(|blocks| blocks.remove(&key));
    let Memory { address, layout } = known.expect("a block is freed once");
    // SAFETY: block and entry were allocated together by `allocate_block`, and the caller gives both up.
    unsafe {
        sync::dealloc(address as *mut u8, layout);
        sync::dealloc(ptr::from_ref(entry).cast_mut().cast(), Layout::new::<BlockEntry>());
    }
}

pub(crate) fn create_channel<C: Contract>() -> Result<(RawEnd, RawEnd), Exhausted> {
    if exhausted() {
        return Err(Exhausted);
    }
    let shape = C::SHAPE;
    let plan = shape.plan().ok_or(Exhausted)?;
    let layout = plan.layout();
    // SAFETY: a channel is never empty; the memory is fresh, and the ends are ours.
    unsafe {
        let memory = sync::alloc(layout);
        if memory.is_null() {
            return Err(Exhausted);
        }
        let id = NEXT_CHANNEL.fetch_add(1, Relaxed);
        let channel: &'static Channel = &*channel::initialise(memory, (&shape, &plan), id, owner(), 0);
        CHANNEL_SIZES.lock().expect("no holder panics").push((id, layout));
        Ok((RawEnd::new(channel.end(Side::Client)), RawEnd::new(channel.end(Side::Server))))
    }
}

/// Channels that are not closed by both sides.
pub fn channels() -> usize {
    CHANNEL_SIZES.lock().expect("no holder panics").len()
}

/// # Safety
///
/// The caller owns the open end and does not use it again.
pub(crate) unsafe fn close_end(end: &'static End) {
    // SAFETY: our end is open.
    let channel = unsafe { end.channel() };
    let side = channel.side_of(end);
    leave_set(end);
    // The peer may close, and free, as soon as our end is marked: hold it off until it has been notified.
    let mut sizes = CHANNEL_SIZES.lock().expect("no holder panics");
    let mut ends = Vec::new();
    match channel.close(side) {
        Closing::First => {
            // The sender looks whether we have closed after it sent, so one of us sees the other.
            fence(SeqCst);
            // SAFETY: our end is closed, and we hold the lock of those who drain it.
            unsafe { channel.drain_towards(side, |carried| give_up(carried, &mut ends)) };
            notify(channel.end(side.peer()));
            drop(sizes);
        }
        Closing::Second => {
            let place =
                sizes.iter().position(|(id, _)| *id == channel.id).expect("an open channel is listed");
            let (_, layout) = sizes.swap_remove(place);
            drop(sizes);
            // SAFETY: both ends are closed, and nobody refers to the channel any more.
            unsafe {
                channel.drain(|carried| give_up(carried, &mut ends));
                sync::dealloc(ptr::from_ref(channel).cast_mut().cast(), layout);
            }
        }
    }
    // SAFETY: these ends were in flight on the channel, and are ours now.
    ends.into_iter().for_each(|end| unsafe { close_end(end) });
}

/// Gives up what an undelivered message carries: frees a block, lists an end that is to be closed.
fn give_up(carried: Carried<'_>, ends: &mut Vec<&'static End>) {
    match carried {
        // SAFETY: what is drained belongs to nobody else.
        Carried::Block(entry) => unsafe { free_block(&*ptr::from_ref(entry)) },
        // SAFETY: as above.
        Carried::End(end) => ends.push(unsafe { &*ptr::from_ref(end) }),
    }
}

/// Gives up what a message carries that was sent while its receiver closed: the close may not have found it.
pub(crate) fn give_up_if_closed(channel: &Channel, to: Side) {
    fence(SeqCst);
    if channel.end(to).closed.load(Acquire) == 0 {
        return;
    }
    let mut ends = Vec::new();
    let guard = CHANNEL_SIZES.lock().expect("no holder panics");
    // SAFETY: the end is closed, and we hold the lock of those who drain it.
    unsafe { channel.drain_towards(to, |carried| give_up(carried, &mut ends)) };
    drop(guard);
    // SAFETY: these ends were in flight on the channel, and are ours now.
    ends.into_iter().for_each(|end| unsafe { close_end(end) });
}

/// Whoever sent it is part of the same program.
pub(crate) fn violation(_end: &'static End, _what: u32) {}

/// What is done with shadows alone. A host has no domains, and so no shadows.
macro_rules! of_shadows {
    ($($(#[$attribute:meta])* $name:ident($($argument:ident),*);)*) => {$(
        $(#[$attribute])*
        pub(crate) fn $name($($argument: u64),*) {
            unreachable!("a host has no domains: {:?}", [$($argument),*])
        }
    )*};
}

of_shadows! {
    gate_wait(object, deadline);
    #[cfg(not(loom))]
    post(end);
    #[cfg(not(loom))]
    gate_join(set, end);
}

pub(crate) fn create_set() -> Result<&'static Set, Exhausted> {
    if exhausted() {
        return Err(Exhausted);
    }
    Ok(new_set())
}

fn new_set() -> &'static Set {
    sync::keep(Set {
        id: 0,
        owner: owner().to_bits().into(),
        waiter: AtomicUsize::new(0),
        ready: Default::default(),
    })
}

/// # Safety
///
/// The caller owns the set, it has no members, and nobody waits on it.
pub(crate) unsafe fn close_set(set: &'static Set) {
    // A sender may have read the member's notify word before it left the set: sets are not freed on a host.
    let _ = set;
}

fn unpark(waiter: usize) {
    // SAFETY: waiters are never freed.
    let waiter = unsafe { &*(waiter as *const Waiter) };
    waiter.woken.store(true, SeqCst);
    waiter.thread.unpark();
}

fn park(word: &AtomicUsize, deadline: Option<Instant>, something_there: impl Fn() -> bool) {
    let waiter = WAITER.with(|waiter| *waiter);
    waiter.woken.store(false, SeqCst);
    // Exchanges, as the waker's are: then both agree in which order they came.
    word.swap(ptr::from_ref(waiter) as usize, SeqCst);
    fence(SeqCst);
    if something_there() {
        word.swap(0, SeqCst);
        return;
    }
    while !waiter.woken.load(SeqCst) {
        let Some(deadline) = deadline else {
            thread::park();
            continue;
        };
        let left = deadline.saturating_since(now());
        if left.is_zero() {
            // Else somebody has just taken us out of the word and is about to wake us.
            let named = ptr::from_ref(waiter) as usize;
            if word.compare_exchange(named, 0, SeqCst, SeqCst).is_ok() {
                return;
            }
            thread::yield_now();
        } else {
            thread::park_timeout(left);
        }
    }
}

/// Lets the thread that waits on `end`, alone or in a set, know that there is something to receive.
#[inline]
pub(crate) fn notify(end: &End) {
    fence(SeqCst);
    let word = end.notify.load(SeqCst);
    if word != 0 {
        wake(end, word);
    }
}

#[cold]
fn wake(end: &End, word: usize) {
    if word & NOTIFY_SET == 0 {
        if end.notify.compare_exchange(word, 0, SeqCst, SeqCst).is_ok() {
            unpark(word);
        }
    } else {
        // SAFETY: sets are not freed on a host.
        let set = unsafe { &*((word & !NOTIFY_SET) as *const Set) };
        {
            let _guard = MEMBERSHIP.lock().expect("no holder panics");
            if end.notify.load(SeqCst) != word {
                return;
            }
            push_ready(set, end);
        }
        // Both sides exchange this word, so the second of them sees what the first did before.
        let waiter = set.waiter.swap(0, SeqCst);
        if waiter != 0 {
            unpark(waiter);
        }
    }
}

/// Makes `end` a member of the set. `has_news` looks whether it has something to receive.
pub(crate) fn join_set(set: &Set, end: &End, has_news: impl Fn() -> bool) {
    let _guard = MEMBERSHIP.lock().expect("no holder panics");
    end.notify.store(ptr::from_ref(set) as usize | NOTIFY_SET, SeqCst);
    fence(SeqCst);
    if has_news() {
        push_ready(set, end);
    }
}

/// Ends the membership of an end that is in no list of ready ends but the caller's own.
pub(crate) fn leave_set(end: &End) {
    let _guard = MEMBERSHIP.lock().expect("no holder panics");
    end.ready.store(0, SeqCst);
    end.notify.store(0, SeqCst);
}

/// Lists `end` among the set's ready ends, unless it is there. The caller holds [`MEMBERSHIP`].
fn push_ready(set: &Set, end: &End) {
    if end.ready.swap(1, SeqCst) == 0 {
        end.ready_next.store(set.ready.load(SeqCst), SeqCst);
        set.ready.store(ptr::from_ref(end).cast_mut(), SeqCst);
    }
}

/// Takes the whole list of ready ends, newest first.
pub(crate) fn take_ready(set: &Set) -> *const End {
    let _guard = MEMBERSHIP.lock().expect("no holder panics");
    set.ready.swap(ptr::null_mut(), SeqCst)
}

/// Returns what `look` finds. If that is nothing, blocks the calling thread until `end` has something to receive, or
/// for a shorter time, and returns nothing.
#[inline]
pub(crate) fn wait<T>(end: &End, look: impl FnOnce() -> Option<T>) -> Option<T> {
    let found = look();
    if found.is_none() {
        sleep(end);
    }
    found
}

#[cold]
fn sleep(end: &End) {
    // SAFETY: the caller holds the end, which is open.
    park(&end.notify, None, || unsafe { end.has_news() });
}

/// Blocks the calling thread, which sends on `end`, until the receiver has given credit or closed. May return early.
pub(crate) fn wait_room(end: &End, something_there: impl Fn() -> bool) {
    park(&end.notify, None, something_there);
}

/// Blocks the calling thread until a member of the set has something to receive. Returns the list of such members,
/// newest first.
pub(crate) fn wait_set(set: &Set) -> *const End {
    loop {
        let first = take_ready(set);
        if !first.is_null() {
            return first;
        }
        park(&set.waiter, None, || !set.ready.load(Acquire).is_null());
    }
}

/// As [`wait`], until the clock shows at least `deadline`.
pub(crate) fn wait_until(end: &End, deadline: Instant) {
    // SAFETY: the caller holds the end, which is open.
    park(&end.notify, Some(deadline), || unsafe { end.has_news() });
}

/// As [`wait_set`], until the clock shows at least `deadline`.
pub(crate) fn wait_set_until(set: &Set, deadline: Instant) {
    park(&set.waiter, Some(deadline), || !set.ready.load(Acquire).is_null());
}

/// Blocks the calling thread until the clock shows at least `deadline`.
pub(crate) fn sleep_until(deadline: Instant) {
    thread::sleep(deadline.saturating_since(now()));
}

/// The time since the first call.
pub(crate) fn now() -> Instant {
    Instant::from_nanos(sync::nanoseconds())
}

/// The set that the calling thread's selections wait on.
pub(crate) fn selection() -> &'static Set {
    SELECTION.with(|set| *set)
}
