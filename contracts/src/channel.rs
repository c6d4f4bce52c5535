//! A channel's memory: its size, its birth and its end. Shared by the kernel and the host binding.

use core::alloc::Layout;
use core::mem::size_of;
use core::ptr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use serde::{Deserialize, Serialize};

use crate::abi::{
    BlockEntry, Channel, End, Owner, Ring, SLOT_BODY, Slot, TRACKED_BLOCK, TRACKED_END, Tracked,
};
use crate::endpoint::{Description, Side};
use crate::reach;

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

    /// Where each direction's slots lie. Both sides of a contract compute the same, at compile time.
    pub const fn rings(&self) -> [Ring; 2] {
        let client = self.ring(Side::Client, size_of::<Channel>() as u32);
        let server = self.ring(Side::Server, client.offset + (client.mask + 1) * client.stride);
        [client, server]
    }

    const fn ring(&self, to: Side, offset: u32) -> Ring {
        let (depth, body) = (self.depth[to as usize], self.body[to as usize]);
        let slots = if depth == 0 { 1 } else { depth.next_power_of_two() };
        let stride = (SLOT_BODY as u32 + body).next_multiple_of(align_of::<Slot>() as u32);
        Ring { offset, stride, mask: slots - 1, reserved: 0 }
    }

    /// Bytes and alignment of the channel, header and slots.
    pub fn layout(&self) -> Layout {
        let [_, last] = self.rings();
        let bytes = last.offset + (last.mask + 1) * last.stride;
        Layout::from_size_align(bytes as usize, align_of::<Channel>())
            .expect("a channel's size fits an isize")
    }
}

/// Makes a channel in fresh memory, both ends owned by `owner` and with this [`mark`](Tracked::mark).
///
/// # Safety
///
/// `memory` is valid for writes of [`Shape::layout`] and nothing else uses it.
pub unsafe fn initialise(memory: *mut u8, shape: &Shape, id: u64, owner: Owner, mark: u32) -> *const Channel {
    let channel = memory.cast::<Channel>();
    // SAFETY: the caller gives us the memory; zero is a valid value of every field.
    unsafe {
        ptr::write_bytes(memory, 0, shape.layout().size());
        (*channel).id = id;
        (*channel).fingerprint = shape.fingerprint;
        (*channel).state.store(u32::from(shape.start), Relaxed);
        (*channel).rings = shape.rings();
        for side in [Side::Client, Side::Server] {
            let end = &(*channel).ends[side as usize];
            end.tracked.kind.store(TRACKED_END, Relaxed);
            end.tracked.owner.store(owner.to_bits(), Relaxed);
            end.tracked.mark.store(mark, Relaxed);
            end.channel.store(channel, Relaxed);
        }
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
        channel.in_flight(side) > 0 || channel.end(side.peer()).closed.load(Acquire) != 0
    }
}

impl Ring {
    /// The slot of message number `count` of a channel.
    #[inline(always)]
    pub(crate) fn slot(&self, channel: &Channel, count: u64) -> *mut Slot {
        let index = (count as u32 & self.mask) as usize;
        let offset = self.offset as usize + index * self.stride as usize;
        ptr::from_ref(channel).cast_mut().cast::<u8>().wrapping_add(offset).cast()
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
    pub fn in_flight(&self, side: Side) -> u64 {
        let head = self.heads[side as usize].count.load(Acquire);
        head - self.tails[side as usize].count.load(Acquire)
    }

    /// Messages sent so far, both ways.
    pub fn messages(&self) -> u64 {
        self.heads.iter().map(|head| head.count.load(Relaxed)).sum()
    }

    /// The slot of message number `count` in the direction of `side`.
    fn slot(&self, side: Side, count: u64) -> *mut Slot {
        self.rings[side as usize].slot(self, count)
    }

    /// Marks one end closed. True if the other end was closed before, in which case the caller must
    /// [`drain`](Channel::drain) the channel and free it; else it must notify the peer.
    pub fn close(&self, side: Side) -> Closing {
        self.end(side).closed.store(1, Release);
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
            let (head, tail) = (&self.heads[side as usize].count, &self.tails[side as usize].count);
            for count in tail.load(Acquire)..head.load(Acquire) {
                // SAFETY: the slot lies in the channel and holds an undelivered message.
                let chain = unsafe { (*self.slot(side, count)).chain.load(Relaxed) };
                // SAFETY: the slot's chain was written by the send and not taken by a receive.
                unsafe { walk(chain, &mut each) };
            }
            tail.store(head.load(Relaxed), Relaxed);
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
