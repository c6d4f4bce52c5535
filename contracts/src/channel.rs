//! A channel's memory: its size, its birth and its end. Shared by the kernel and the host binding.

use core::alloc::Layout;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use serde::{Deserialize, Serialize};

use crate::abi::{
    BlockEntry, CLOSED, Channel, ELSEWHERE, End, Label, Owner, Ring, SLOT_ALIGN, TRACKED_BLOCK, TRACKED_END,
    Tracked,
};
use crate::endpoint::{Description, Side};
use crate::gate;
use crate::reach;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64};

/// All that a channel's memory depends on. Index 0 of a pair is the direction to the client, 1 to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Shape {
    /// The contract's fingerprint, as [`Contract::FINGERPRINT`](crate::Contract::FINGERPRINT).
    pub fingerprint: u64,
    /// The start state.
    pub start: u16,
    /// The greatest number of messages in flight.
    pub depth: [u32; 2],
    /// Bytes of the largest body.
    pub body: [u32; 2],
}

impl Shape {
    /// The shape of a channel for this contract.
    pub const fn of(description: &'static Description) -> Shape {
        let mut body = [0; 2];
        let mut i = 0;
        while i < description.messages.len() {
            let message = &description.messages[i];
            let to = message.sender.peer() as usize;
            if message.body_size > body[to] {
                body[to] = message.body_size;
            }
            i += 1;
        }
        Shape {
            fingerprint: reach::fingerprint(description),
            start: description.start,
            depth: [description.depth_to_client, description.depth_to_server],
            body,
        }
    }

    /// Where header and slots lie; none if the channel would be larger than [`MOST_CHANNEL_BYTES`]. Both sides of a contract
    /// compute the same, at compile time.
    pub const fn plan(&self) -> Option<Plan> {
        let Some((client, end)) = self.ring(Side::Client, size_of::<Channel>()) else { return None };
        let Some((server, end)) = self.ring(Side::Server, end) else { return None };
        match Layout::from_size_align(end, align_of::<Channel>()) {
            Ok(layout) => Some(Plan { rings: [client, server], layout }),
            Err(_) => None,
        }
    }

    /// The slots towards `to` if they begin at `offset`, and where they end.
    const fn ring(&self, to: Side, offset: usize) -> Option<(Ring, usize)> {
        let (slots, stride) = self.slots(to);
        if slots > MOST_CHANNEL_BYTES || stride > MOST_CHANNEL_BYTES {
            return None;
        }
        let end = offset + slots * stride;
        if end > MOST_CHANNEL_BYTES {
            return None;
        }
        let ring = Ring { offset: offset as u32, stride: stride as u32, mask: slots as u32 - 1, reserved: 0 };
        Some((ring, end))
    }

    /// How many slots there are towards `to`, a power of two, and bytes from one to the next.
    pub const fn slots(&self, to: Side) -> (usize, usize) {
        let (depth, body) = (self.depth[to as usize] as usize, self.body[to as usize] as usize);
        let slots = if depth == 0 { 1 } else { depth.next_power_of_two() };
        (
            slots,
            (body.next_multiple_of(align_of::<Label>()) + size_of::<Label>()).next_multiple_of(SLOT_ALIGN),
        )
    }
}

/// The most bytes of a channel: header and slots.
pub const MOST_CHANNEL_BYTES: usize = 16 << 20;

/// Where a channel's header and slots lie. Holding one proves that it has no more than [`MOST_CHANNEL_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    rings: [Ring; 2],
    layout: Layout,
}

impl Plan {
    /// Each direction's slots; index 0 is the direction to the client.
    pub const fn rings(&self) -> &[Ring; 2] {
        &self.rings
    }

    /// Bytes and alignment of header and slots.
    pub const fn layout(&self) -> Layout {
        self.layout
    }
}

/// Makes a channel in fresh memory, both ends owned by `owner` and with this [`mark`](Tracked::mark).
///
/// # Safety
///
/// `memory` is valid for writes of the plan's layout, and nothing else uses it; the plan is that of the shape.
pub unsafe fn initialise(
    memory: *mut u8,
    (shape, plan): (&Shape, &Plan),
    id: u64,
    owner: Owner,
    mark: u32,
) -> *const Channel {
    // SAFETY: passed on to the caller.
    let channel = unsafe { initialise_zeroed(memory, (shape, plan), id, owner, mark) };
    for ring in &plan.rings {
        for count in 0..=ring.mask {
            // SAFETY: the memory has room for the slots.
            unsafe { ring.label(ring.slot(&*channel, u64::from(count))).write(Label::default()) };
        }
    }
    channel
}

/// As [`initialise`], where memory is all zeros: what lies behind the header needs nothing else, and need not be there yet.
///
/// # Safety
///
/// `memory` is valid for writes of a [`Channel`], and nothing else uses it; the plan is that of the shape. Before the channel
/// is used there is memory for all of it.
pub unsafe fn initialise_zeroed(
    memory: *mut u8,
    (shape, plan): (&Shape, &Plan),
    id: u64,
    owner: Owner,
    mark: u32,
) -> *const Channel {
    let channel = memory.cast::<Channel>();
    let end = || End {
        tracked: Tracked {
            owner: AtomicU64::new(owner.to_bits()),
            next: AtomicPtr::default(),
            kind: AtomicU32::new(TRACKED_END),
            mark: AtomicU32::new(mark),
        },
        notify: Default::default(),
        ready_next: AtomicPtr::default(),
        ready: AtomicU32::default(),
        closed: AtomicU32::default(),
        key: Default::default(),
        channel: AtomicPtr::new(channel),
    };
    // SAFETY: the caller gives us the memory, which has room for the header.
    unsafe {
        channel.write(Channel {
            id,
            fingerprint: shape.fingerprint,
            rings: plan.rings,
            state: AtomicU32::new(u32::from(shape.start)),
            closed_ends: AtomicU32::default(),
            memory: AtomicPtr::default(),
            ends: [end(), end()],
            heads: Default::default(),
            tails: Default::default(),
        });
    }
    channel
}

impl End {
    /// The channel that this end belongs to.
    ///
    /// # Safety
    ///
    /// One of the channel's ends is open and stays so while the reference is used.
    pub unsafe fn channel<'a>(&self) -> &'a Channel {
        // SAFETY: a channel lives until both its ends are closed.
        unsafe { &*self.channel.load(Relaxed) }
    }

    /// Whether a receive on this end would bring a message or `Closed`.
    ///
    /// # Safety
    ///
    /// As [`End::channel`].
    pub unsafe fn has_news(&self) -> bool {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel() };
        let side = channel.side_of(self);
        channel.in_flight(side) > 0 || channel.is_silent(side.peer()) && gate::has_news(channel, side)
    }
}

impl Ring {
    /// The slot of message number `count` of a channel.
    #[inline(always)]
    pub fn slot(&self, channel: &Channel, count: u64) -> *mut u8 {
        let index = (count as u32 & self.mask) as usize;
        let offset = self.offset as usize + index * self.stride as usize;
        ptr::from_ref(channel).cast_mut().cast::<u8>().wrapping_add(offset)
    }

    /// The label of a slot.
    #[inline(always)]
    pub fn label(&self, slot: *mut u8) -> *mut Label {
        slot.wrapping_add(self.stride as usize - size_of::<Label>()).cast()
    }
}

impl Channel {
    /// Which side's end this is.
    pub fn side_of(&self, end: &End) -> Side {
        if ptr::eq(end, self.end(Side::Client)) { Side::Client } else { Side::Server }
    }

    /// The end of one side.
    pub fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    /// Messages in flight towards `side`.
    #[inline]
    pub fn in_flight(&self, side: Side) -> u64 {
        let head = self.heads[side as usize].count.load(Acquire);
        head - self.tails[side as usize].count.load(Acquire)
    }

    /// Messages sent so far, both ways.
    pub fn messages(&self) -> u64 {
        self.heads.iter().map(|head| head.count.load(Relaxed)).sum()
    }

    /// Whether the slots lie where those of this shape do. A domain makes channels of whatever shape, with any fingerprint.
    pub(crate) fn lies_as(&self, shape: &Shape) -> bool {
        shape.plan().is_some_and(|plan| plan.rings == self.rings)
    }

    /// Whether the end of one side is closed.
    #[inline]
    pub fn is_closed(&self, side: Side) -> bool {
        self.end(side).closed.load(Acquire) & CLOSED != 0
    }

    /// Whether nothing comes from one side by itself: its end is closed, or this is a shadow, and the kernel is to be asked.
    #[inline]
    pub(crate) fn is_silent(&self, side: Side) -> bool {
        self.end(side).closed.load(Acquire) & (CLOSED | ELSEWHERE) != 0
    }

    /// Marks one end closed. If the other end was closed before, the caller must [`drain`](Channel::drain) the channel and
    /// free it; else it must drain it [towards](Channel::drain_towards) this end and notify the peer.
    pub fn close(&self, side: Side) -> Closing {
        self.end(side).closed.store(CLOSED, Release);
        match self.closed_ends.fetch_add(1, AcqRel) {
            0 => Closing::First,
            _ => Closing::Second,
        }
    }

    /// Hands everything that undelivered messages carry to `each`, once.
    ///
    /// # Safety
    ///
    /// Both ends are closed, and nobody else touches the channel.
    pub unsafe fn drain(&self, mut each: impl FnMut(Carried<'_>)) {
        for side in [Side::Client, Side::Server] {
            // SAFETY: nobody else receives; passed on to the caller.
            unsafe { self.drain_towards(side, &mut each) };
        }
    }

    /// As [`Channel::drain`], of the messages towards one side: nobody will receive them. They stay in flight, and carry
    /// nothing any more.
    ///
    /// # Safety
    ///
    /// That side's end is closed, and nobody else drains it at the same time.
    pub unsafe fn drain_towards(&self, side: Side, mut each: impl FnMut(Carried<'_>)) {
        let ring = &self.rings[side as usize];
        let (head, tail) = (&self.heads[side as usize].count, &self.tails[side as usize].count);
        for count in tail.load(Acquire)..head.load(Acquire) {
            // SAFETY: the slot lies in the channel and holds an undelivered message.
            let label = unsafe { &*ring.label(ring.slot(self, count)) };
            // SAFETY: the slot's chain was written by the send and not taken by a receive.
            unsafe { walk(label.chain(), &mut each) };
            label.forget();
        }
    }
}

/// What [`Channel::close`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// The peer is still there.
    First,
    /// The peer closed before.
    Second,
}

/// One thing that a message carries.
pub enum Carried<'a> {
    /// A block.
    Block(&'a BlockEntry),
    /// An endpoint.
    End(&'a End),
}

/// Visits everything in a message's chain. An entry may be freed by its visit.
///
/// # Safety
///
/// `chain` is null or starts a chain written by a send, and the caller owns all that it holds.
pub unsafe fn walk<'a>(chain: *const Tracked, mut each: impl FnMut(Carried<'a>)) {
    let mut next = chain;
    // SAFETY: ledger entries and channels outlive what is in flight; `kind` says which structure the header
    // begins; the link is read before the visit, which may free the entry.
    while let Some(tracked) = unsafe { next.as_ref() } {
        let here = next;
        next = tracked.next.load(Relaxed);
        match tracked.kind.load(Relaxed) {
            // SAFETY: as above.
            TRACKED_BLOCK => each(Carried::Block(unsafe { &*here.cast() })),
            // SAFETY: as above.
            _ => each(Carried::End(unsafe { &*here.cast() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(depth: [u32; 2], body: [u32; 2]) -> Shape {
        Shape { fingerprint: 1, start: 0, depth, body }
    }

    #[test]
    fn a_channel_is_as_large_as_its_slots_and_never_too_large() {
        let header = size_of::<Channel>();
        let plan = shape([1, 3], [0, 17]).plan().expect("it is small");
        assert_eq!(plan.layout().size(), header + SLOT_ALIGN + 4 * 32);
        assert_eq!((plan.rings()[1].offset as usize, plan.rings()[1].mask), (header + SLOT_ALIGN, 3));
        let most = MOST_CHANNEL_BYTES - header - SLOT_ALIGN - size_of::<Label>();
        let full = shape([0, 0], [0, most as u32]).plan().expect("it just fits");
        assert_eq!(full.layout().size(), MOST_CHANNEL_BYTES);
        assert_eq!(shape([0, 0], [0, most as u32 + 1]).plan(), None);
    }

    #[test]
    fn a_shape_that_nobody_built_has_no_plan_rather_than_a_small_one() {
        // Each wraps to something small in 32 bits, and some in 64.
        for (depth, body) in [
            (65_535, 65_584),
            (u32::MAX, 0),
            (1, u32::MAX),
            (u32::MAX, u32::MAX),
            (1 << 31, u32::MAX - 15),
            ((1 << 31) + 1, 16),
        ] {
            assert_eq!(shape([1, depth], [0, body]).plan(), None, "{depth} {body}");
            assert_eq!(shape([depth, 1], [body, 0]).plan(), None, "{depth} {body}");
        }
    }
}
