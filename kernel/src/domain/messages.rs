//! Messages through the gate: from a shadow's ring to that of its channel, and the other way round.
//!
//! A slot is copied once, as it is; what the message carries changes hands in `carried`.
//!
//! What no program does whose contracts the compiler checked ends a domain:
//!
//! - to have more messages in flight than there are slots: they would be written over;
//! - to send before it has received all that was sent to it: its peer may have counted on that;
//! - to send to an end that is on its way to somebody, or to pass on an end whose channel is not at rest: channels could come
//!   to hold each other, and nobody would know in which state the end is;
//! - to carry what it does not have, or more than [`MOST_HANDLES`](contracts::exchange::MOST_HANDLES).

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, Release};

use contracts::Side;
use contracts::abi::{CLOSED, Channel, ELSEWHERE, IN_DOMAIN, Label, Owner, Ring, SLOT_ALIGN, UNCHECKED};
use contracts::binding::notify_end;

use super::carried::give_back;
use super::gate::{Domain, Refused};
use super::handles::OwnEnd;
use super::page::OVER_LIMIT;
use super::shadows::State;
use crate::memory::space::UserMemory;

impl Domain {
    /// Sends on what an end's shadow has in its ring, and lets the peer know how much the domain has received of a stream.
    pub(super) fn send(&self, handle: u64) -> Result<(), Refused> {
        self.state.lock().move_out(handle, self.memory)
    }
}

/// What has come to an end of a domain's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// No message.
    Nothing,
    /// Messages, which are in its shadow now.
    Messages,
    /// A message that carries something; it is still where it was.
    Carrying,
}

/// How far what a domain has sent was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// All of it.
    All,
    /// The next message carries something.
    Carrying,
    /// None, for the domain has broken a rule.
    Wrong(Breach),
}

/// What no program does whose contracts were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    TooMany,
    OutOfTurn,
    ToNobody,
}

impl Breach {
    fn words(self) -> &'static str {
        match self {
            Breach::TooMany => "sent more messages than its contract lets be in flight",
            Breach::OutOfTurn => "sent before it had received what was sent to it",
            Breach::ToNobody => "sent to an endpoint that is on its way",
        }
    }
}

const CLIENT: usize = Side::Client as usize;
const SERVER: usize = Side::Server as usize;

/// Copies a slot, its label too, word by word: what of it is a domain's may be written at any time.
///
/// # Safety
///
/// The slots are of this ring of a channel and of its shadow; the one to be written is free.
#[inline(always)]
unsafe fn copy_slot(ring: &Ring, from: *const u8, to: *const u8) {
    const PIECE: usize = SLOT_ALIGN / size_of::<u64>();
    // A slot is aligned to this, and its size a multiple of it.
    let (from, to) = (from.cast::<[AtomicU64; PIECE]>(), to.cast::<[AtomicU64; PIECE]>());
    for index in 0..ring.stride as usize / SLOT_ALIGN {
        // SAFETY: passed on to the caller.
        let (from, to) = unsafe { (&*from.add(index), &*to.add(index)) };
        for (from, to) in from.iter().zip(to) {
            to.store(from.load(Relaxed), Relaxed);
        }
    }
}

impl OwnEnd {
    /// Sends on what is in the shadow's ring up to a message that carries something, and lets the peer know how much the domain
    /// has received of a stream.
    #[inline(always)]
    fn send(&mut self) -> Sent {
        // Which side it is is known to the compiler below.
        match self.side {
            Side::Client => self.send_on::<CLIENT, SERVER>(),
            Side::Server => self.send_on::<SERVER, CLIENT>(),
        }
    }

    #[inline(always)]
    fn send_on<const OWN: usize, const TO: usize>(&mut self) -> Sent {
        let (channel, shadow) = (self.channel, self.shadow());
        let said = shadow.heads[TO].count.load(Relaxed);
        let count = said.wrapping_sub(self.sent);
        if count > 0 {
            let ring = &channel.rings[TO];
            let (head, tail) = (&channel.heads[TO].count, &channel.tails[TO].count);
            let room = u64::from(ring.mask) + 1;
            if count > room || count > room.wrapping_sub(self.sent.wrapping_sub(tail.load(Relaxed))) {
                return Sent::Wrong(Breach::TooMany);
            }
            if channel.heads[OWN].count.load(Relaxed) != channel.tails[OWN].count.load(Relaxed) {
                return Sent::Wrong(Breach::OutOfTurn);
            }
            if Owner::from_bits(channel.ends[TO].tracked.owner.load(Relaxed)).is_in_flight() {
                return Sent::Wrong(Breach::ToNobody);
            }
            // For whoever is given this end or its peer; what a receiver finds to be otherwise is a violation.
            channel.state.store(shadow.state.load(Relaxed), Relaxed);
            while self.sent != said {
                let (from, slot) = (ring.slot(shadow, self.sent), ring.slot(channel, self.sent));
                // SAFETY: shadow and channel are of one build, and their counts the same; the slot is free, since fewer messages
                // are in flight than there are.
                let label = unsafe {
                    copy_slot(ring, from, slot);
                    &*ring.label(slot)
                };
                if !label.chain().is_null() {
                    label.write(0, ptr::null());
                    return Sent::Carrying;
                }
                label.write(label.message() | UNCHECKED, ptr::null());
                self.sent = self.sent.wrapping_add(1);
                head.store(self.sent, Release);
            }
            shadow.tails[TO].count.store(said, Relaxed);
        }
        let said = shadow.tails[OWN].credit.load(Relaxed);
        if said != channel.tails[OWN].credit.load(Relaxed) {
            give_credit(channel, self.side, said);
        }
        Sent::All
    }

    /// Moves the messages to the end into its shadow, up to one that carries something, as far as there is room.
    #[inline(always)]
    pub(super) fn move_in(&mut self) -> Came {
        match self.side {
            Side::Client => self.move_in_on::<CLIENT, SERVER>(),
            Side::Server => self.move_in_on::<SERVER, CLIENT>(),
        }
    }

    #[inline(always)]
    fn move_in_on<const OWN: usize, const PEER: usize>(&mut self) -> Came {
        let (channel, shadow) = (self.channel, self.shadow());
        let tail = &channel.tails[OWN].count;
        let last = channel.heads[OWN].count.load(Relaxed);
        let mut count = tail.load(Relaxed);
        if count == last {
            return Came::Nothing;
        }
        let ring = &channel.rings[OWN];
        // What the domain has not taken is not written over, if it says the truth of it.
        let unread = self.received.wrapping_sub(shadow.tails[OWN].count.load(Relaxed));
        let mut room = (u64::from(ring.mask) + 1).saturating_sub(unread);
        let first = count;
        while count != last && room > 0 {
            let slot = ring.slot(channel, count);
            // SAFETY: the slot holds a message.
            if !unsafe { &*ring.label(slot) }.chain().is_null() {
                if count == first {
                    return Came::Carrying;
                }
                break;
            }
            // SAFETY: shadow and channel are of one build, and their counts the same; the place is one that the domain leaves
            // alone, or spoils for itself.
            unsafe { copy_slot(ring, slot, ring.slot(shadow, count)) };
            count = count.wrapping_add(1);
            room -= 1;
        }
        tail.store(count, Release);
        self.moved_in::<OWN, PEER>(count);
        Came::Messages
    }

    /// Says in the shadow that the messages before this number are there, whose slots were copied.
    #[inline(always)]
    fn moved_in<const OWN: usize, const PEER: usize>(&mut self, count: u64) {
        let (channel, shadow) = (self.channel, self.shadow());
        self.received = count;
        shadow.heads[OWN].count.store(count, Release);
        shadow.state.store(channel.state.load(Relaxed), Relaxed);
        let owner = channel.ends[PEER].tracked.owner.load(Relaxed);
        shadow.ends[PEER].tracked.owner.store(owner, Relaxed);
        let credit = channel.tails[PEER].credit.load(Relaxed);
        shadow.tails[PEER].credit.store(credit, Relaxed);
    }

    /// Says in the shadow what is new when no message is there: that the peer has closed, and that it has received more of a
    /// stream. Returns whether there was anything.
    #[inline(always)]
    pub(super) fn tell(&self) -> bool {
        let (channel, shadow, to) = (self.channel, self.shadow(), self.side.peer());
        let credit = channel.tails[to as usize].credit.load(Relaxed);
        if !channel.is_closed(to) && credit == shadow.tails[to as usize].credit.load(Relaxed) {
            return false;
        }
        shadow.tails[to as usize].credit.store(credit, Relaxed);
        if channel.is_closed(to) {
            shadow.end(to).closed.store(IN_DOMAIN | ELSEWHERE | CLOSED, Relaxed);
        }
        true
    }

    /// Whether there are messages to the end that the domain has not been given.
    pub(super) fn has_more(&self) -> bool {
        self.channel.in_flight(self.side) > 0
    }

    /// Whether there are messages in the shadow that the domain has not taken, as it says.
    pub(super) fn has_unread(&self) -> bool {
        self.shadow().tails[self.side as usize].count.load(Relaxed) != self.received
    }
}

impl State {
    /// Sends on what an end's shadow has in its ring, and lets the peer know how much the domain has received of a stream.
    #[inline(always)]
    pub(super) fn move_out(&mut self, handle: u64, memory: UserMemory) -> Result<(), Refused> {
        loop {
            let own = self.handles.end(handle)?;
            match own.send() {
                Sent::All => {
                    let peer = own.channel.end(own.side.peer());
                    // SAFETY: the channel is there: this end of it is open.
                    unsafe { notify_end(peer) };
                    return Ok(());
                }
                Sent::Carrying => self.move_out_carrying(handle, memory)?,
                Sent::Wrong(breach) => return Err(Refused::Fault(breach.words())),
            }
        }
    }

    /// Sends on the next message in an end's shadow, and what it carries.
    #[cold]
    fn move_out_carrying(&mut self, handle: u64, memory: UserMemory) -> Result<(), Refused> {
        let own = *self.handles.end(handle)?;
        let (channel, shadow, to) = (own.channel, own.shadow(), own.side.peer());
        let ring = &channel.rings[to as usize];
        let (from, slot) = (ring.slot(shadow, own.sent), ring.slot(channel, own.sent));
        // SAFETY: as in `send`, which has found that there is room.
        let label = unsafe {
            copy_slot(ring, from, slot);
            &*ring.label(slot)
        };
        let (message, chain) = (label.message(), label.chain().addr() as u64);
        // Nothing is found there if the domain ends for what it says.
        label.write(0, ptr::null());
        let mut first = self.give_up(channel, handle, chain, memory, Owner::in_flight(channel.id, to))?;
        if channel.is_closed(to) {
            give_back(first);
            first = ptr::null();
        }
        label.write(message | UNCHECKED, first);
        let own = self.handles.end(handle)?;
        own.sent = own.sent.wrapping_add(1);
        channel.heads[to as usize].count.store(own.sent, Release);
        Ok(())
    }
    /// Moves the next message to an end into its shadow, with what it carries.
    #[cold]
    pub(super) fn move_in_carrying(&mut self, handle: u64) -> Result<(), Refused> {
        let own = *self.handles.end(handle)?;
        let (channel, shadow, side) = (own.channel, own.shadow(), own.side);
        let ring = &channel.rings[side as usize];
        let tail = &channel.tails[side as usize].count;
        let count = tail.load(Relaxed);
        let (slot, place) = (ring.slot(channel, count), ring.slot(shadow, count));
        // SAFETY: the slots are of one build; this one holds a message.
        let (label, given) = unsafe { (&*ring.label(slot), &*ring.label(place)) };
        let brought = self.bring_in(label.chain());
        // SAFETY: the place is one that the domain leaves alone, or spoils for itself. The label has the kernel's own addresses.
        unsafe { ptr::copy_nonoverlapping(slot, place, ring.stride as usize - size_of::<Label>()) };
        // What there is no room for breaks the domain's limit, as far as that can tell, until it asks again.
        let first = brought.unwrap_or(OVER_LIMIT);
        given.write(label.message(), ptr::without_provenance(first as usize));
        if brought.is_ok() {
            tail.store(count.wrapping_add(1), Release);
        }
        let own = self.handles.end(handle)?;
        match side {
            Side::Client => own.moved_in::<CLIENT, SERVER>(count.wrapping_add(1)),
            Side::Server => own.moved_in::<SERVER, CLIENT>(count.wrapping_add(1)),
        }
        Ok(())
    }
}

/// Passes on how much of a stream the domain says it has received.
#[cold]
fn give_credit(channel: &Channel, side: Side, said: u64) {
    let received = &channel.tails[side as usize];
    let credit = received.credit.load(Relaxed);
    // It cannot have received more than was moved to it.
    if said.wrapping_sub(credit) <= received.count.load(Relaxed).wrapping_sub(credit) {
        received.credit.store(said, Release);
    }
}
