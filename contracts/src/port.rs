//! The raw port: send and receive without types. Generated code is its only caller besides the kernel.

mod streams;

use core::mem::{align_of, offset_of, size_of};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::abi::{Channel, End, Label, Owner, OwnerKind, Ring, SLOT_ALIGN, Tracked, UNCHECKED};
use crate::binding;
use crate::endpoint::{Closed, Contract, Receive, Side};
use crate::exchange::{Exchange, Transfer};
use crate::gate::{self, Beyond};
use crate::sabotage::Bug;
use crate::stream;
use streams::batch;

/// An end of a channel, its contract and state unknown.
///
/// Holding it proves that nobody else sends or receives on this end. Dropping it closes the end.
#[repr(transparent)]
pub struct RawEnd {
    end: &'static End,
}

// SAFETY: an end may be used from any thread; holding the handle makes that one at a time.
unsafe impl Send for RawEnd {}

/// Where a channel's slots towards `to` lie, as the end of side `own` sees it that speaks contract `C`. The compiler
/// knows it, unless the end is a server's whose contract extends another: then the channel may be one of the base.
#[inline(always)]
fn ring<C: Contract>(channel: &Channel, own: Side, to: Side) -> &Ring {
    if const { C::DESCRIPTION.base.is_some() } && matches!(own, Side::Server) {
        return &channel.rings[to as usize];
    }
    let rings: &'static [Ring; 2] = const {
        &match C::SHAPE.plan() {
            Some(plan) => *plan.rings(),
            None => panic!("a contract whose channels are too large is refused where it stands"),
        }
    };
    &rings[to as usize]
}

/// The channel of an end, found without a load: an end lies at a fixed place in it.
///
/// # Safety
///
/// The end is open and of `side`.
#[inline(always)]
unsafe fn channel_of<'a>(end: &End, side: Side) -> &'a Channel {
    let offset = offset_of!(Channel, ends) + side as usize * size_of::<End>();
    // SAFETY: the end of `side` lies there in every channel, which lives while one of its ends is open.
    unsafe { &*core::ptr::from_ref(end).byte_sub(offset).cast() }
}

impl RawEnd {
    /// Takes charge of an end.
    ///
    /// # Safety
    ///
    /// The end is open, the caller owns it, and there is no other `RawEnd` for it.
    pub unsafe fn new(end: &'static End) -> Self {
        RawEnd { end }
    }

    pub(crate) fn end(&self) -> &'static End {
        self.end
    }

    pub(crate) fn channel(&self) -> &Channel {
        // SAFETY: our end is open.
        unsafe { self.end.channel() }
    }

    /// The channel.
    ///
    /// # Safety
    ///
    /// This is the end of `side`.
    #[inline(always)]
    unsafe fn channel_as(&self, side: Side) -> &Channel {
        // SAFETY: passed on to the caller; our end is open.
        unsafe { channel_of(self.end, side) }
    }

    /// The side that this end is.
    pub fn side(&self) -> Side {
        self.channel().side_of(self.end)
    }

    /// Fingerprint of the contract that the channel was made for.
    pub fn fingerprint(&self) -> u64 {
        self.channel().fingerprint
    }

    /// Says which state the channel is in, where no message has led to it.
    #[cfg(any(feature = "std", feature = "campaign"))]
    pub(crate) fn set_state(&self, state: u16) {
        self.channel().state.store(u32::from(state), Relaxed);
    }

    /// The channel's number.
    pub fn channel_id(&self) -> u64 {
        self.channel().id
    }

    /// Who has the other end now; for people.
    pub fn peer_owner(&self) -> Owner {
        let channel = self.channel();
        let peer = channel.end(channel.side_of(self.end).peer());
        Owner::from_bits(peer.tracked.owner.load(Relaxed))
    }

    /// Number of the SIP that has the other end now; 0 if it is on its way to another, or no SIP's.
    pub fn peer_sip(&self) -> u32 {
        match self.peer_owner().kind() {
            OwnerKind::Sip(id) => id,
            _ => 0,
        }
    }

    /// Whether the peer has closed its end.
    pub fn peer_closed(&self) -> bool {
        let channel = self.channel();
        let side = channel.side_of(self.end);
        channel.is_silent(side.peer()) && gate::peer_has_closed(channel, side)
    }

    /// Sends message number `message` with its body; the channel is then in state `next_state`.
    ///
    /// It never blocks, allocates or fails: the ring has room for every message that the contract lets be in
    /// flight, also after the peer closed.
    ///
    /// # Safety
    ///
    /// This is the end of `side` of a channel that [`Endpoint::from_raw`](crate::Endpoint::from_raw) takes for contract
    /// `C`, which lets it send `message` now, with body `B`.
    #[inline]
    pub unsafe fn send<C: Contract, B: Exchange>(
        &mut self,
        side: Side,
        message: u16,
        next_state: u16,
        body: B,
    ) {
        // SAFETY: passed on to the caller.
        unsafe {
            self.put::<C, B>(side, message, next_state, body);
            let channel = self.channel_as(side);
            if B::HANDLES > 0 {
                binding::give_up_if_closed(channel, side.peer());
            }
            // This ends the step of the transfer, too.
            binding::notify(channel.end(side.peer()));
        }
    }

    /// As [`RawEnd::send`], without waking anyone: for a receiver that polls.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::send`].
    #[inline]
    pub unsafe fn publish<C: Contract, B: Exchange>(
        &mut self,
        side: Side,
        message: u16,
        next_state: u16,
        body: B,
    ) {
        // SAFETY: passed on to the caller.
        unsafe { self.put::<C, B>(side, message, next_state, body) };
        if B::HANDLES > 0 {
            // SAFETY: as above.
            binding::give_up_if_closed(unsafe { self.channel_as(side) }, side.peer());
            binding::end_transfer();
        }
    }

    /// Puts a message into the ring. If it can hold blocks or endpoints, that is a step, which the caller ends: the
    /// sender's end must not come between the tags and the slot that they are reached from. What a message carries that
    /// nobody will receive is given up at once: the peer of an endpoint in it may wait for it.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::send`].
    #[inline(always)]
    unsafe fn put<C: Contract, B: Exchange>(&mut self, side: Side, message: u16, next_state: u16, body: B) {
        const { assert!(align_of::<B>() <= SLOT_ALIGN, "a message's body is aligned to 16 bytes at most") };
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        let to = side.peer();
        let head = &channel.heads[to as usize].count;
        let count = head.load(Relaxed);
        let ring = ring::<C>(channel, side, to);
        let slot = ring.slot(channel, count);
        let label = ring.label(slot);
        debug_assert!(channel.in_flight(to) <= u64::from(channel.rings[to as usize].mask));
        let mut chain = core::ptr::null();
        if B::HANDLES > 0 {
            // Its sender's end must not come between the tags and the slot that they are reached from.
            binding::begin_transfer(Bug::TornSend);
        }
        // Whoever has the peer may see a message of integers, and nothing is lost if it has closed.
        let is_plain = const { B::HANDLES == 0 && B::ANY_BYTES };
        if !is_plain && channel.end(to).closed.load(Acquire) != 0 {
            // SAFETY: as below.
            unsafe { put_beyond::<C, B>((channel, to), (slot, label), message, body) };
        } else {
            if B::HANDLES > 0 {
                chain = hand_over(channel, to, &body);
            }
            // SAFETY: the slot lies in the channel, has room for the body, and is free: the contract bounds what is
            // in flight by the ring's size.
            unsafe {
                (*label).write(message, chain);
                (*label).body.write(|| slot.cast::<B>().write(body));
            }
        }
        channel.state.store(u32::from(next_state), Relaxed);
        if const { stream::flows(C::DESCRIPTION) } && batch::<C>(side) > 0 {
            // The peer may stream when it speaks again: it is to find its whole window.
            channel.tails[side as usize].publish();
        }
        head.store(count.wrapping_add(1), Release);
    }

    /// The number of the message at the head of the ring, if one is there.
    ///
    /// # Safety
    ///
    /// This is the end of `side` of a channel that [`Endpoint::from_raw`](crate::Endpoint::from_raw) takes for contract
    /// `C`, and it receives in its state.
    #[inline]
    pub unsafe fn poll_message<C: Contract>(&mut self, side: Side) -> Result<Option<u16>, Closed> {
        // SAFETY: passed on to the caller.
        let found = unsafe { self.look::<C, false>(side) };
        if const { stream::flows(C::DESCRIPTION) } && !matches!(found, Ok(Some(_))) {
            // Whoever finds nothing may wait next, and the sender may wait for credit.
            // SAFETY: passed on to the caller.
            unsafe { self.give_credit::<C>(side) };
        }
        found
    }

    /// As [`RawEnd::poll_message`], without giving credit. Who finds nothing waits next, if it `WAITS`.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::poll_message`].
    #[inline]
    unsafe fn look<C: Contract, const WAITS: bool>(&self, side: Side) -> Result<Option<u16>, Closed> {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        let tail = channel.tails[side as usize].count.load(Relaxed);
        let head = &channel.heads[side as usize].count;
        if head.load(Acquire) == tail {
            if !channel.is_silent(side.peer()) {
                return Ok(None);
            }
            // The peer's close comes after its last send: what it sent since the first look is seen by a second.
            if head.load(Acquire) == tail {
                match gate::beyond(channel, side, WAITS) {
                    Beyond::Message => {}
                    Beyond::Nothing => return Ok(None),
                    Beyond::Closed => return Err(Closed),
                }
            }
        }
        let ring = ring::<C>(channel, side, side);
        // SAFETY: the slot lies in the channel and holds a message, published by the head.
        Ok(Some(unsafe { (*ring.label(ring.slot(channel, tail))).message() }))
    }

    /// Whether a receive on this end would bring a message or `Closed`.
    ///
    /// # Safety
    ///
    /// The end is open and of `side`.
    #[inline]
    pub(crate) unsafe fn news_at(end: &End, side: Side) -> bool {
        // SAFETY: passed on to the caller.
        let channel = unsafe { channel_of(end, side) };
        let tail = channel.tails[side as usize].count.load(Relaxed);
        channel.heads[side as usize].count.load(Acquire) != tail
            || channel.is_silent(side.peer()) && gate::has_news(channel, side)
    }

    /// As [`RawEnd::poll_message`], waiting until a message is there.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::poll_message`].
    #[inline]
    pub unsafe fn wait_message<C: Contract>(&mut self, side: Side) -> Result<u16, Closed> {
        loop {
            if const { stream::flows(C::DESCRIPTION) } {
                // Credit wakes the sender, which is a step of its own.
                // SAFETY: passed on to the caller.
                if let Some(found) = unsafe { self.poll_message::<C>(side) }.transpose() {
                    return found;
                }
            }
            // SAFETY: passed on to the caller.
            if let Some(found) = binding::wait(self.end, || unsafe { self.look::<C, true>(side) }.transpose())
            {
                return found;
            }
        }
    }

    /// Whether the caller's limit allows the blocks of the message at the head. Whoever takes it all the same may break the
    /// limit.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::poll_message`]; a message is there.
    #[inline]
    pub unsafe fn has_room<C: Contract>(&self, side: Side) -> bool {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        let count = channel.tails[side as usize].count.load(Relaxed);
        let ring = ring::<C>(channel, side, side);
        let slot = ring.slot(channel, count);
        let label = ring.label(slot);
        // SAFETY: the slot holds a message, whose chain was written by its send.
        unsafe { binding::has_room_for((*label).chain()) || gate::finds_room(channel, &*label) }
    }

    /// Takes the message at the head: its blocks and endpoints now belong to the caller, its slot is free.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::poll_message`]; a message is there, and `B` is its body.
    #[inline]
    pub unsafe fn take<C: Contract, B: Exchange>(&mut self, side: Side) -> B {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        let tail = &channel.tails[side as usize].count;
        let count = tail.load(Relaxed);
        let ring = ring::<C>(channel, side, side);
        let slot = ring.slot(channel, count);
        let label = ring.label(slot);
        if B::HANDLES > 0 {
            // SAFETY: the slot holds a message whose chain was written by its send and is now ours.
            unsafe {
                // A step until the slot is given back: what it carries must not be found in both places.
                binding::begin_transfer(Bug::TornReceive);
                binding::take_over((*label).chain());
            }
        }
        // SAFETY: the caller vouches for the body's type; it is read once, before the slot is given back.
        let body = unsafe { (*label).body.read(|| slot.cast::<B>().read()) };
        tail.store(count.wrapping_add(1), Release);
        if B::HANDLES > 0 {
            binding::end_transfer();
        }
        if const { stream::flows(C::DESCRIPTION) } {
            let batch = batch::<C>(side);
            if batch > 0 && channel.tails[side as usize].owes(batch) {
                // SAFETY: passed on to the caller.
                unsafe { self.give_credit::<C>(side) };
            }
        }
        body
    }

    /// Hands the end itself to a transfer.
    pub fn hand_over(&self, transfer: &mut Transfer) {
        transfer.end(self.end);
    }

    /// The number of a message that [`Receive::open`] does not know: one that a domain sent, and that is checked now.
    ///
    /// # Errors
    /// [`Closed`] if it breaks the contract; the caller closes this end.
    ///
    /// # Safety
    ///
    /// As [`Receive::open`].
    #[inline(always)]
    pub unsafe fn accept<E: Receive>(&self, message: u16) -> Result<u16, Closed> {
        // SAFETY: passed on to the caller.
        unsafe { accept::<E>(self.end, message) }
    }

    /// Stops a SIP that received a message its contract does not have. Between vouched SIPs it cannot happen.
    #[inline(always)]
    pub fn unknown_message(&self, message: u16) -> ! {
        unknown_message(self.end, message)
    }
}

impl Drop for RawEnd {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the handle owned the open end, and is gone.
        unsafe { close(self.end) }
    }
}

// What is rare is called with the end itself: a handle whose address is taken anywhere is kept in memory everywhere.

/// # Safety
///
/// The caller owns the open end and does not use it again.
#[inline(never)]
unsafe fn close(end: &'static End) {
    // SAFETY: passed on to the caller.
    unsafe { binding::close_end(end) }
}

/// See [`RawEnd::accept`].
///
/// # Safety
///
/// As there.
#[cold]
#[inline(never)]
unsafe fn accept<E: Receive>(end: &'static End, message: u16) -> Result<u16, Closed> {
    if message & UNCHECKED == 0 {
        unknown_message(end, message)
    }
    // SAFETY: the end is open and of this side.
    let channel = unsafe { channel_of(end, E::SIDE) };
    let count = channel.tails[E::SIDE as usize].count.load(Relaxed);
    let ring = ring::<E::Contract>(channel, E::SIDE, E::SIDE);
    // SAFETY: the slot holds a message.
    let carries_nothing = unsafe { (*ring.label(ring.slot(channel, count))).chain() }.is_null();
    let number = message & !UNCHECKED;
    // Of most any bytes are a body, and nothing else is to be looked at.
    let known = E::EXPECTED.iter().find(|known| known.number == number && known.is_plain && carries_nothing);
    if let Some(known) = known
        && known.fits(ring)
        && gate::is_next::<E::Contract>(channel, E::SIDE, known.next)
    {
        return Ok(number);
    }
    // SAFETY: passed on to the caller.
    unsafe { gate::accept::<E::Contract>(end, E::SIDE, E::EXPECTED, E::check) }
}

/// Tags all that a message carries as in flight. Returns the chain of it. Apart from the send, of which most carry nothing.
#[inline]
fn hand_over<B: Exchange>(channel: &Channel, to: Side, body: &B) -> *const Tracked {
    let mut transfer = Transfer::new(Owner::in_flight(channel.id, to));
    body.hand_over(&mut transfer);
    let (chain, blocks, bytes) = transfer.finish();
    binding::count_moved(blocks, bytes);
    chain
}

/// Puts a message into its slot whose receiver is a domain, and is to see nothing else; or has closed, which gives up what
/// the message carries.
///
/// # Safety
///
/// The slot, with its label, is that of the next message of `C` to the end of side `to`, and free; this is its body.
#[cold]
#[inline(never)]
unsafe fn put_beyond<C: Contract, B: Exchange>(
    (channel, to): (&Channel, Side),
    (slot, label): (*mut u8, *mut Label),
    message: u16,
    body: B,
) {
    // SAFETY: passed on to the caller.
    let label = unsafe { &*label };
    if channel.is_closed(to) {
        label.write(message, core::ptr::null());
        // Freeing is no part of the step; the message still counts: a stream to nobody fills its window, and so finds that out.
        if B::HANDLES > 0 {
            binding::end_transfer();
            drop(body);
            binding::begin_transfer(Bug::TornSend);
        }
        return;
    }
    let mut chain = core::ptr::null();
    if B::HANDLES > 0 {
        chain = hand_over(channel, to, &body);
    }
    // SAFETY: passed on to the caller.
    unsafe {
        label.body.write(|| slot.cast::<B>().write(body));
        chain = gate::scrub(C::FORMS, message, slot, chain);
    }
    // Without a chain there is nothing to be filled in.
    let mark = if chain.is_null() { 0 } else { UNCHECKED };
    label.write(message | mark, chain);
}

#[cold]
fn unknown_message(end: &'static End, message: u16) -> ! {
    // SAFETY: the caller's end is open.
    let channel = unsafe { end.channel() };
    panic!("channel {}: message number {message} is not in the contract", channel.id)
}

const _: () = assert!(size_of::<RawEnd>() == 8);
