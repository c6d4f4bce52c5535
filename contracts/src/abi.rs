//! The memory and the functions that the kernel and every SIP image share.
//!
//! Images are linked apart and meet only here: the layouts below, the table of kernel functions, and the
//! register convention of [`crate::binding`]'s switch. [`HASH`] covers all of it and sits in each manifest; an
//! image with another hash is not loaded. `abi.golden` beside the crate guards against a change nobody meant.
//!
//! Everything here is reached through raw pointers by code that may write at the same time, so every mutable
//! field is an atomic or a cell; on one core the relaxed accesses compile to plain moves.

mod owner;

use core::mem::{offset_of, size_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

pub use owner::{Owner, OwnerKind};

use crate::channel::Shape;
use crate::endpoint::StateDescription;
use crate::fingerprint;
use crate::sync::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Watch};

/// What the ledger tracks: the first field of a [`BlockEntry`] and of an [`End`].
///
/// While a message is in flight, all that it carries is chained through `next`, starting at its slot: the
/// receiver takes possession, and a close drains, by walking the chain, without knowing the message's type.
#[repr(C)]
pub struct Tracked {
    /// The owner, as [`Owner::to_bits`].
    pub owner: AtomicU64,
    /// The next thing that the same message carries, or null.
    pub next: AtomicPtr<Tracked>,
    /// [`TRACKED_BLOCK`] or [`TRACKED_END`].
    pub kind: AtomicU32,
    /// Which of its owner's [`Account::marks`] says that the owner has had something from this region of the ledger;
    /// constant.
    pub mark: AtomicU32,
}

/// [`Tracked::kind`] of a [`BlockEntry`].
pub const TRACKED_BLOCK: u32 = 1;
/// [`Tracked::kind`] of an [`End`].
pub const TRACKED_END: u32 = 2;

/// The ledger's entry for one block. It never lies inside the block.
#[repr(C, align(64))]
pub struct BlockEntry {
    /// Owner and chain.
    pub tracked: Tracked,
    /// Address of the block's first byte; constant while the block is allocated.
    pub address: AtomicUsize,
    /// Bytes asked for.
    pub size: AtomicUsize,
    /// Bytes taken from the heap: a size class, or whole pages.
    pub capacity: AtomicUsize,
    /// Whose limit its bytes count against: the owner's, and while it is in flight the sender's.
    pub account: AtomicPtr<Account>,
}

/// Number of [`Account::marks`]: half of them for blocks, half for endpoints.
pub const MARKS: usize = 2048;

/// What one SIP has of the memory that crosses, and where in the ledger to look for it.
///
/// The kernel keeps the rest of what it counts behind it.
#[repr(C, align(64))]
pub struct Account {
    /// The SIP, as [`Owner::to_bits`].
    pub owner: AtomicU64,
    /// Bytes of blocks, by their capacity, that count against the limit.
    pub bytes: AtomicU64,
    /// The limit of `bytes`.
    pub byte_limit: AtomicU64,
    /// 1 for each region of the ledger from which the SIP has ever had something; see [`Tracked::mark`]. A store that
    /// may be repeated is all that a receive does, and reclaiming goes through the marked regions only.
    pub marks: [AtomicU8; MARKS],
}

/// One endpoint, as both sides and the kernel see it.
#[repr(C, align(64))]
pub struct End {
    /// Owner and chain.
    pub tracked: Tracked,
    /// Whom to wake when there is something to receive: 0 for nobody, a thread's address, or a [`Set`]'s
    /// address with bit 0 set.
    pub notify: AtomicUsize,
    /// The next end in the set's list of ready ends.
    pub ready_next: AtomicPtr<End>,
    /// [`READY`] while the end is in its set's list of ready ends; of a shadow always [`BEYOND`], too.
    pub ready: AtomicU32,
    /// 0, or what is to be known of an end before one sends to it or waits for it: [`CLOSED`], [`IN_DOMAIN`], [`ELSEWHERE`].
    pub closed: AtomicU32,
    /// The set's own number for this member; [`NEW_MEMBER`] for one the kernel connected.
    pub key: AtomicUsize,
    /// The channel that this end belongs to; constant.
    pub channel: AtomicPtr<Channel>,
}

/// Bit of [`End::ready`]: the end is listed.
pub const READY: u32 = 1;
/// Bit of [`End::ready`]: who would list the end asks the kernel instead; see [`crate::gate`].
pub const BEYOND: u32 = 2;
/// Bit of [`End::closed`]: the end is closed.
pub const CLOSED: u32 = 1;
/// Bit of [`End::closed`]: a domain has the end. In a shadow the peer's end says so.
pub const IN_DOMAIN: u32 = 2;
/// Bit of [`End::closed`] of a shadow's peer: only the kernel knows what that has sent.
pub const ELSEWHERE: u32 = 4;

/// [`End::key`] of an endpoint that the kernel placed in a service and its provider has not seen yet.
pub const NEW_MEMBER: usize = usize::MAX;
/// Bit of [`End::notify`] that says the rest is the address of a [`Set`].
pub const NOTIFY_SET: usize = 1;

/// How far one direction has come. Both counters only grow; a ring holds `head - tail` messages.
#[derive(Default)]
#[repr(C, align(64))]
pub struct Cursor {
    /// Messages so far: sent (in a head) or received (in a tail). Written by one side only.
    pub count: AtomicU64,
    /// Streams only. In a tail: how many messages the receiver has told the sender it has received; it follows `count`
    /// in steps of a batch. In a head: what the sender last read there, so that it looks only when its window is full.
    pub credit: AtomicU64,
}

/// Where one direction's slots lie; constant after creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Ring {
    /// Bytes from the channel's start to the first slot.
    pub offset: u32,
    /// Bytes from one slot to the next.
    pub stride: u32,
    /// Number of slots less one; the number is a power of two.
    pub mask: u32,
    /// Unused.
    pub reserved: u32,
}

/// Bit of [`Channel::id`] and of [`Set::id`]: this stands in a domain for what the kernel has, and the other bits are its
/// handle there. See [`crate::gate`].
pub const SHADOW: u64 = 1 << 63;

/// A channel: two ends and two rings in one allocation, the slots behind this header.
///
/// Index 0 of each pair is the client's end and the direction towards the client, 1 the server's.
#[repr(C, align(64))]
pub struct Channel {
    /// The channel's number, never used again; of a shadow [`SHADOW`] and a handle.
    pub id: u64,
    /// Fingerprint of the contract it was made for.
    pub fingerprint: u64,
    /// The two directions' slots.
    pub rings: [Ring; 2],
    /// The state that the last message sent leads to: for people (`channels`), and for who takes an end from somebody
    /// who is not believed. Between SIPs nothing is decided by it.
    pub state: AtomicU32,
    /// How many ends are closed. Whoever makes it 2 drains the rings and frees the channel.
    pub closed_ends: AtomicU32,
    /// The kernel's record of the channel's memory; null on a host. Of a shadow the shadow of the set in which the kernel has
    /// the end, or null.
    pub memory: AtomicPtr<BlockEntry>,
    /// The two ends.
    pub ends: [End; 2],
    /// Messages sent towards each side; written by the sender.
    pub heads: [Cursor; 2],
    /// Messages received by each side; written by the receiver.
    pub tails: [Cursor; 2],
}

/// The end of a slot, behind the message's body, which begins where the slot does.
#[derive(Default)]
#[repr(C, align(8))]
pub struct Label {
    /// Which message of the contract it is, in the lowest [`MESSAGE_BITS`] bits, and above them the address of the first
    /// thing of the chain of all that the message carries. Addresses have 48 bits, and the highest fills those above.
    word: AtomicU64,
    /// Sees that nobody writes the body while another is at it.
    pub(crate) body: Watch,
}

/// Bits of a message's number.
const MESSAGE_BITS: u32 = u16::BITS;
/// Bit of a message's number: a domain sent it, or it is on its way to one, and what is in the slot is to be checked and
/// filled in by [`crate::form`]. Its chain is in the order of the body.
pub const UNCHECKED: u16 = 1 << 15;

impl Label {
    /// Writes which message it is and what it carries.
    #[inline(always)]
    pub fn write(&self, message: u16, chain: *const Tracked) {
        self.word.store((chain.expose_provenance() as u64) << MESSAGE_BITS | u64::from(message), Relaxed);
        debug_assert!(ptr::eq(self.chain(), chain), "an address of more than 48 bits");
    }

    /// Leaves nothing that the message carries.
    pub(crate) fn forget(&self) {
        self.write(self.message(), ptr::null());
    }

    /// Which message it is.
    #[inline(always)]
    pub fn message(&self) -> u16 {
        self.word.load(Relaxed) as u16
    }

    /// What the message carries.
    #[inline(always)]
    pub fn chain(&self) -> *mut Tracked {
        ptr::with_exposed_provenance_mut((self.word.load(Relaxed).cast_signed() >> MESSAGE_BITS) as usize)
    }
}

/// The alignment of a slot, and so the greatest of a message's body.
pub const SLOT_ALIGN: usize = 16;

/// Many endpoints that one thread waits on: the kernel object behind an `EndpointSet` and behind a service.
#[repr(C, align(64))]
pub struct Set {
    /// The set's number, never used again; of a shadow [`SHADOW`] and a handle.
    pub id: u64,
    /// The owning SIP, as [`Owner::to_bits`].
    pub owner: AtomicU64,
    /// The thread that waits on the set, or 0.
    pub waiter: AtomicUsize,
    /// Ends that have something to receive, newest first, linked by [`End::ready_next`].
    pub ready: AtomicPtr<End>,
}

impl Set {
    /// An empty set without a number and an owner.
    #[cfg(not(loom))]
    pub const fn unlisted() -> Set {
        Set {
            id: 0,
            owner: AtomicU64::new(0),
            waiter: AtomicUsize::new(0),
            ready: AtomicPtr::new(core::ptr::null_mut()),
        }
    }
}

/// A thread, as far as the hand-off knows it. The kernel keeps the rest behind it.
#[repr(C, align(64))]
pub struct Thread {
    /// Stack pointer while the thread is not running.
    pub stack_pointer: AtomicUsize,
    /// Where it goes on.
    pub resume: AtomicUsize,
    /// Lowest address that its code may push to; the guard page lies below.
    pub stack_limit: AtomicUsize,
    /// Greater runs first.
    pub priority: AtomicU32,
    /// Number of the SIP it belongs to; 0 is the kernel.
    pub sip: AtomicU32,
    /// The thread that was woken before this one, while this one is in the list that [`Core::woken`] begins.
    pub woken_next: AtomicPtr<Thread>,
    /// What a `select!` waits on; empty between two of them.
    pub selection: Set,
}

/// What tests and `blocks` read. Only grows.
#[repr(C)]
pub struct Counters {
    /// Blocks that changed owner by a send.
    pub blocks_moved: AtomicU64,
    /// Their bytes.
    pub bytes_moved: AtomicU64,
    /// Bytes that were copied between blocks, on purpose.
    pub bytes_copied: AtomicU64,
    /// Switches made straight from a waiting thread to the peer it had sent to.
    pub hand_offs: AtomicU64,
}

/// One core's own data; `gs:[0]` holds its address while any code of ours runs.
#[repr(C, align(64))]
pub struct Core {
    /// This structure's own address.
    pub this: AtomicUsize,
    /// The running thread.
    pub current: AtomicPtr<Thread>,
    /// The threads that the running one made ready and that no queue holds yet (lazy scheduling), newest first.
    pub woken: AtomicPtr<Thread>,
    /// Priority of the best queued thread, 0 if there is none. Threads have priorities from 1.
    pub top_ready: AtomicU32,
    /// What interrupts left to do, a bit each; looked at whenever a thread waits.
    pub pending: AtomicU32,
    /// 1 while the running thread is in a step that a switch must not come between; it is not preempted then. Whoever
    /// goes on after a switch clears it.
    pub busy: AtomicU32,
    /// This core's share of the counters.
    pub counters: Counters,
    /// In a domain: the handle of an end on which it has sent what the kernel has not been told of yet, or 0. The kernel sees to
    /// it whenever the domain gives the core away.
    pub unsent: AtomicU64,
}

/// What a new channel is made for.
#[repr(C)]
pub struct ChannelRequest {
    /// The contract's fingerprint, and all that the channel's memory depends on.
    pub shape: Shape,
    /// The contract's name.
    pub contract: &'static str,
    /// Its states.
    pub states: &'static [StateDescription],
}

/// The kernel's functions. Each may be called by a SIP's thread only, with interrupts enabled, and checks that
/// enough of the caller's stack is left.
#[repr(C)]
pub struct Table {
    /// [`HASH`] of the kernel.
    pub hash: u64,
    /// A new block of `size` bytes (may be 0) at alignment `align` (a power of two up to 4096), contents
    /// undefined, owned by the caller; null if the exchange heap is exhausted.
    pub block_allocate: extern "C" fn(size: usize, align: usize) -> *const BlockEntry,
    /// Gives back a block that the caller owns.
    pub block_free: unsafe extern "C" fn(entry: *const BlockEntry),
    /// A new channel whose ends both belong to the caller; null if memory is exhausted.
    pub channel_create: extern "C" fn(request: &ChannelRequest) -> *const Channel,
    /// Closes an end that the caller owns.
    pub end_close: unsafe extern "C" fn(end: *const End),
    /// A new, empty set; null if memory is exhausted.
    pub set_create: extern "C" fn() -> *const Set,
    /// Frees a set without members.
    pub set_close: unsafe extern "C" fn(set: *const Set),
    /// Blocks the calling thread until somebody who finds it named wakes it.
    pub thread_block: extern "C" fn(),
    /// Lets other ready threads of the same priority run.
    pub thread_yield: extern "C" fn(),
    /// A new thread of the caller's SIP, which runs `entry(argument)` on a stack of its own; 0 if a limit or memory does not
    /// allow it, else 1.
    pub thread_spawn: extern "C" fn(entry: ThreadEntry, argument: usize) -> u32,
    /// Ends the calling thread; the last one ends the SIP, with success.
    pub thread_exit: extern "C" fn() -> !,
    /// As [`Table::thread_block`], until the clock shows at least `deadline` nanoseconds. `word` is null or the word
    /// that names the thread; when the deadline passes first, the word is cleared.
    pub thread_block_until: unsafe extern "C" fn(deadline: u64, word: *const AtomicUsize),
    /// `pages` (of 4096 bytes) more for the SIP's private heap, zeroed, right behind those it has; null if its
    /// memory limit or the machine's memory does not allow it.
    pub memory_grow: extern "C" fn(pages: usize) -> *mut u8,
    /// A new channel to the service that the manifest's `uses` names at `index`: the client's end, owned by the caller; null
    /// if nobody provides the service now, or a limit or memory does not allow it.
    pub port_connect: extern "C" fn(index: usize) -> *const End,
    /// Nanoseconds since the system started.
    pub clock: extern "C" fn() -> u64,
    /// Writes a line to the kernel's log.
    pub log: unsafe extern "C" fn(text: *const u8, length: usize),
    /// Ends the calling SIP; 0 is success.
    pub exit: extern "C" fn(status: u32) -> !,
    /// Ends the calling SIP because of a panic with this message.
    pub panic: unsafe extern "C" fn(text: *const u8, length: usize) -> !,
    /// Says that what came to this end breaks the contract: `what` is a [`crate::form::Fault`]. If a domain sent it, that ends.
    /// The end is the caller's, and open.
    pub violation: unsafe extern "C" fn(end: *const End, what: u32),
    /// For a domain: sends on what the end's shadow has in its ring. The end by its handle, as for those below.
    pub gate_send: extern "C" fn(end: u64),
    /// For a domain: waits until the end or set has something, or until the clock shows `deadline`, and puts it into the
    /// shadow: an end's next message, and that it has closed; a set's ready ends.
    pub gate_wait: extern "C" fn(object: u64, deadline: u64),
    /// For a domain: makes the end a member of the set, which it leaves by being listed.
    pub gate_join: extern "C" fn(set: u64, end: u64),
}

/// Where a thread begins.
pub type ThreadEntry = unsafe extern "C" fn(argument: usize) -> !;

/// What the kernel hands to an image's entry point.
#[repr(C)]
pub struct Start {
    /// The kernel's functions.
    pub table: &'static Table,
    /// The SIP's account, which names it.
    pub account: &'static Account,
    /// One end for each `uses` of the manifest, in order: the client's end of a fresh channel.
    pub used: *const *const End,
    /// One set for each `provides` of the manifest, in order: where clients' channels arrive.
    pub provided: *const *const Set,
    /// The argument that whoever started the SIP gave it.
    pub argument: *const u8,
    /// Its length in bytes.
    pub argument_length: usize,
}

/// Type of an image's entry point.
pub type Entry = unsafe extern "C" fn(start: &'static Start) -> !;

/// Bytes of stack that a call into the kernel may need; an entry with less left is the caller's stack overflow.
pub const STACK_HEADROOM: usize = 12 * 1024;

macro_rules! layouts {
    ($($name:ident { $($field:ident),* })*) => {
        /// Sizes and offsets of everything shared, by name.
        pub const LAYOUT: &[(&str, usize)] = &[$(
            (concat!("size ", stringify!($name)), size_of::<$name>()),
            $((concat!(stringify!($name), ".", stringify!($field)), offset_of!($name, $field)),)*
        )*];
    };
}

layouts! {
    Tracked { owner, next, kind, mark }
    BlockEntry { tracked, address, size, capacity, account }
    Account { owner, bytes, byte_limit, marks }
    End { tracked, notify, ready_next, ready, closed, key, channel }
    Cursor { count, credit }
    Ring { offset, stride, mask }
    Channel { id, fingerprint, rings, state, closed_ends, memory, ends, heads, tails }
    Label { word }
    Set { id, owner, waiter, ready }
    Thread { stack_pointer, resume, stack_limit, priority, sip, woken_next, selection }
    Counters { blocks_moved, bytes_moved, bytes_copied, hand_offs }
    Core { this, current, woken, top_ready, pending, busy, counters, unsent }
    ChannelRequest { shape, contract, states }
    Shape { fingerprint, start, depth, body }
    Table {
        hash, block_allocate, block_free, channel_create, end_close, set_create, set_close, thread_block,
        thread_yield, thread_spawn, thread_exit, thread_block_until, memory_grow, port_connect, clock, log, exit, panic,
        violation, gate_send, gate_wait, gate_join
    }
    Start { table, account, used, provided, argument, argument_length }
    StateDescription { name, speaker }
}

/// Raised when a function's meaning or the register convention changes without a layout changing.
pub const VERSION: u64 = 2;

/// Covers [`VERSION`] and [`LAYOUT`].
pub const HASH: u64 = {
    let mut hash = fingerprint::mix(fingerprint::SEED, VERSION);
    let mut i = 0;
    while i < LAYOUT.len() {
        hash = fingerprint::mix(fingerprint::text(hash, LAYOUT[i].0), LAYOUT[i].1 as u64);
        i += 1;
    }
    hash
};

#[cfg(all(test, not(loom)))]
mod tests {
    use std::fmt::Write;
    use std::string::String;

    use super::*;

    #[test]
    fn the_interface_is_the_one_that_the_golden_file_records() {
        let mut text = String::new();
        let _ = writeln!(text, "version {VERSION}\nhash {HASH:016x}");
        for (name, value) in LAYOUT {
            let _ = writeln!(text, "{name} {value}");
        }
        assert_eq!(
            text,
            include_str!("../abi.golden"),
            "the interface changed: images built before will not load. If that is meant, raise VERSION where the \
             meaning changed, put the left text into contracts/abi.golden and say so in CHANGELOG.md"
        );
    }
}
