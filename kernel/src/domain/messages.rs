//! Messages through the gate: from a shadow's ring to that of its channel, and the other way round.
//!
//! A slot is copied once, as it is. What the message carries is a chain, of a domain's shadows there and of the kernel's
//! entries and ends here; blocks that change hands are unmapped and mapped.
//!
//! What no program does whose contracts the compiler checked ends a domain:
//!
//! - to have more messages in flight than there are slots: they would be written over;
//! - to send before it has received all that was sent to it: its peer may have counted on that;
//! - to send to an end that is on its way to somebody, or to pass on an end whose channel is not at rest: channels could come
//!   to hold each other, and nobody would know in which state the end is;
//! - to carry what it does not have, or more than [`MOST_HANDLES`].

use core::mem::{MaybeUninit, offset_of, size_of};
use core::ptr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Relaxed, Release};

use contracts::Side;
use contracts::abi::{
    BlockEntry, CLOSED, Channel, ELSEWHERE, End, IN_DOMAIN, Label, Owner, Ring, SHADOW, SLOT_ALIGN,
    TRACKED_BLOCK, Tracked, UNCHECKED,
};
use contracts::binding::bare::{account_has_room_for, account_takes_over};
use contracts::binding::notify_end;
use contracts::channel::{Carried, walk};
use contracts::exchange::MOST_HANDLES;

use super::gate::{Domain, Refused};
use super::handles::{Object, OwnEnd};
use super::page::OVER_LIMIT;
use super::shadows::{NoRoom, State};
use super::shelf::kept_at;
use crate::arch::cores;
use crate::memory::PAGE_SIZE;
use crate::memory::space::UserMemory;
use crate::{channel, exchange};

impl Domain {
    /// Sends on what an end's shadow has in its ring, and lets the peer know how much the domain has received of a stream.
    pub(super) fn send(&self, handle: u64) -> Result<(), Refused> {
        self.state.lock().move_out(handle, self.memory)
    }
}

/// Things that a message carries, each with its handle.
struct Carries {
    things: [MaybeUninit<(u64, *const Tracked)>; MOST_HANDLES],
    count: usize,
}

impl Carries {
    const fn nothing() -> Carries {
        Carries { things: [const { MaybeUninit::uninit() }; MOST_HANDLES], count: 0 }
    }

    fn push(&mut self, handle: u64, thing: *const Tracked) -> Result<(), Refused> {
        let place =
            self.things.get_mut(self.count).ok_or(Refused::Fault("sent a message that carries too much"))?;
        place.write((handle, thing));
        self.count += 1;
        Ok(())
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, *const Tracked)> + '_ {
        // SAFETY: so many were written.
        self.things[..self.count].iter().map(|thing| unsafe { thing.assume_init() })
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
            // For whoever is given this end or its peer; what a receiver finds to be otherwise is a violation.
            channel.state.store(shadow.state.load(Relaxed), Relaxed);
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
        channel.state.store(shadow.state.load(Relaxed), Relaxed);
        Ok(())
    }
    /// Takes what a message carries from the domain: what its chain from `next` on says. Returns the kernel's chain, in the
    /// same order, which is that of the body.
    fn give_up(
        &mut self,
        channel: &Channel,
        on: u64,
        mut next: u64,
        memory: UserMemory,
        to: Owner,
    ) -> Result<*const Tracked, Refused> {
        const FORGED: Refused = Refused::Fault("sent a block or an endpoint that it does not have");
        let mut carries = Carries::nothing();
        while next != 0 {
            let handle;
            (handle, next) = link(memory, next).ok_or(FORGED)?;
            if carries.iter().any(|(known, _)| known == handle) || handle == on {
                return Err(FORGED);
            }
            let thing = match *self.handles.get(handle).map_err(|_| FORGED)? {
                Object::Block(entry, _) => &entry.tracked,
                Object::End(own) => {
                    // SAFETY: an end with a handle is open.
                    let other = unsafe { own.end.channel() };
                    if ptr::eq(other, channel) || !is_at_rest(other) {
                        return Err(Refused::Fault("sent an endpoint whose channel is not at rest"));
                    }
                    &own.end.tracked
                }
                _ => return Err(FORGED),
            };
            carries.push(handle, thing)?;
        }
        let mut first: *const Tracked = ptr::null();
        for (handle, thing) in carries.iter().rev() {
            // SAFETY: it is an entry or an end that the domain has had, and nobody else has.
            let tracked = unsafe { &*thing };
            // All of them were found a moment ago.
            match tracked.kind.load(Relaxed) {
                TRACKED_BLOCK => _ = self.remove_block(handle),
                _ => _ = self.remove_end(handle),
            }
            tracked.owner.store(to.to_bits(), Relaxed);
            tracked.next.store(first.cast_mut(), Relaxed);
            first = thing;
        }
        Ok(first)
    }

    /// Gives up what is in an end's shadow and was not received, as a close does with what is in a channel. Whatever the domain
    /// says of that, it loses what is its own and nothing else.
    pub(super) fn drain(&mut self, handle: u64, memory: UserMemory) -> Result<(), Refused> {
        let own = *self.handles.end(handle)?;
        let (channel, shadow, side) = (own.channel, own.shadow(), own.side);
        let ring = &channel.rings[side as usize];
        let moved = channel.tails[side as usize].count.load(Relaxed);
        let left = moved.wrapping_sub(shadow.tails[side as usize].count.load(Relaxed));
        for number in 0..if left > u64::from(ring.mask) + 1 { 0 } else { left } {
            let slot = ring.slot(shadow, moved.wrapping_sub(left).wrapping_add(number));
            // SAFETY: shadow and channel are of one build.
            let mut next = unsafe { &*ring.label(slot) }.chain().addr() as u64;
            for _ in 0..MOST_HANDLES {
                let Some((handle, after)) = link(memory, next) else { break };
                next = after;
                match self.handles.get(handle) {
                    Ok(Object::Block(..)) => exchange::free(self.remove_block(handle)?, || {}),
                    Ok(Object::End(..)) => {
                        let end = self.remove_end(handle)?;
                        // SAFETY: the end was the domain's, and has no handle any more.
                        unsafe { channel::close(end) };
                    }
                    _ => break,
                }
            }
        }
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

    /// Makes what a message carries the domain's. Returns where its chain begins there. If it fails, all is as it was.
    fn bring_in(&mut self, chain: *const Tracked) -> Result<u64, NoRoom> {
        // SAFETY: the chain is that of a message to the domain, written by its send.
        if !unsafe { account_has_room_for(self.account.shared(), chain) } {
            return Err(NoRoom);
        }
        let mut carries = Carries::nothing();
        let mut first = 0;
        let mut last: Option<&'static Tracked> = None;
        let mut next = chain;
        let brought = loop {
            // SAFETY: as above; the links are left as they are.
            let Some(tracked) = (unsafe { next.as_ref::<'static>() }) else { break Ok(first) };
            next = tracked.next.load(Relaxed);
            let Ok((address, shadow)) = self.bring_one(tracked, &mut carries) else { break Err(NoRoom) };
            match last {
                None => first = address,
                Some(last) => last.next.store(ptr::without_provenance_mut(address as usize), Relaxed),
            }
            last = Some(shadow);
        };
        match brought {
            Ok(first) => {
                // SAFETY: as above; copies are the domain's already.
                unsafe { account_takes_over(self.account.shared(), chain) };
                self.free_copied(chain);
                Ok(first)
            }
            Err(error) => {
                for (handle, thing) in carries.iter() {
                    // SAFETY: the thing is there.
                    let is_copy = self.is_copy(handle, thing);
                    // Each was made a moment ago.
                    match self.handles.get(handle) {
                        Ok(Object::Block(..)) => {
                            if let (Ok(entry), true) = (self.remove_block(handle), is_copy) {
                                exchange::free(entry, || {});
                            }
                        }
                        _ => _ = self.remove_end(handle),
                    }
                }
                Err(error)
            }
        }
    }

    /// Makes one thing the domain's. Returns where it lies there, and its shadow.
    fn bring_one(
        &mut self,
        tracked: &'static Tracked,
        carries: &mut Carries,
    ) -> Result<(u64, &'static Tracked), NoRoom> {
        if carries.count == MOST_HANDLES {
            return Err(NoRoom);
        }
        let (address, handle) = match tracked.kind.load(Relaxed) {
            TRACKED_BLOCK => {
                // SAFETY: the kind says that a block's entry begins here.
                let entry: &'static BlockEntry = unsafe { &*ptr::from_ref(tracked).cast() };
                let own = if has_pages(entry) { entry } else { self.copy(entry)? };
                self.insert_block(own).inspect_err(|_| {
                    if !ptr::eq(own, entry) {
                        exchange::free(own, || {});
                    }
                })?
            }
            _ => {
                // SAFETY: the kind says that an end begins here.
                let end: &'static End = unsafe { &*ptr::from_ref(tracked).cast() };
                self.insert_end(end)?
            }
        };
        // There is room: that was looked at.
        let _ = carries.push(handle, tracked);
        // SAFETY: what was just made lies on the shelf, and begins with this.
        Ok((address, unsafe { &*ptr::with_exposed_provenance(kept_at(address)) }))
    }

    /// A block of whole pages of the domain's with the content of one that has none for itself.
    fn copy(&self, entry: &BlockEntry) -> Result<&'static BlockEntry, NoRoom> {
        let size = entry.size.load(Relaxed);
        let copy = exchange::allocate_pages(size, PAGE_SIZE, self.account, || {}).map_err(|_| NoRoom)?;
        let (from, to) = (entry.address.load(Relaxed) as *const u8, copy.address.load(Relaxed) as *mut u8);
        // SAFETY: both blocks have this size, and nobody uses them now.
        unsafe { ptr::copy_nonoverlapping(from, to, size) };
        let copied = &cores::core().counters.bytes_copied;
        copied.store(copied.load(Relaxed) + size as u64, Relaxed);
        Ok(copy)
    }

    /// Frees the blocks of a chain that were copied, which are the domain's now.
    fn free_copied(&mut self, chain: *const Tracked) {
        // SAFETY: the chain is the domain's.
        unsafe {
            walk(chain, |carried| match carried {
                Carried::Block(entry) if !has_pages(entry) => exchange::free(entry, || {}),
                _ => {}
            });
        }
    }

    /// Whether what a handle stands for was copied from this thing.
    fn is_copy(&mut self, handle: u64, thing: *const Tracked) -> bool {
        matches!(self.handles.get(handle), Ok(Object::Block(entry, _)) if !ptr::eq(&entry.tracked, thing))
    }
}

/// The handle of what a domain says lies at an address, in a chain, and where the next is; none if nothing can be there.
fn link(memory: UserMemory, here: u64) -> Option<(u64, u64)> {
    let word = |address: u64, offset: usize| memory.word(address.wrapping_add(offset as u64));
    let next = word(here, offset_of!(Tracked, next))?;
    let handle = match word(here, offset_of!(Tracked, kind))? as u32 {
        TRACKED_BLOCK => word(here, offset_of!(BlockEntry, capacity))?,
        _ => word(word(here, offset_of!(End, channel))?, offset_of!(Channel, id))? & !SHADOW,
    };
    Some((handle, next))
}

/// Frees and closes what a message carries that nobody will receive.
#[cold]
fn give_back(chain: *const Tracked) {
    // SAFETY: the chain was just made, and is nobody's.
    unsafe {
        walk(chain, |carried| match carried {
            Carried::Block(entry) => exchange::free(entry, || {}),
            Carried::End(end) => channel::close(&*ptr::from_ref(end)),
        });
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

/// Whether a block has whole pages for itself.
fn has_pages(entry: &BlockEntry) -> bool {
    entry.capacity.load(Relaxed) >= PAGE_SIZE
}

/// Whether nothing is on its way, either way.
fn is_at_rest(channel: &Channel) -> bool {
    [Side::Client, Side::Server].iter().all(|to| channel.in_flight(*to) == 0)
}

const _: () = assert!(offset_of!(BlockEntry, tracked) == 0 && offset_of!(End, tracked) == 0);
