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

use core::mem::{offset_of, size_of};
use core::ptr;
use core::sync::atomic::Ordering::{Relaxed, Release};

use contracts::abi::{
    BlockEntry, CLOSED, Channel, End, IN_DOMAIN, Label, Owner, OwnerKind, SHADOW, TRACKED_BLOCK, Tracked,
    UNCHECKED,
};
use contracts::binding::bare::{account_has_room_for, account_takes_over};
use contracts::binding::notify_end;
use contracts::channel::{Carried, walk};
use contracts::exchange::MOST_HANDLES;

use super::gate::{Domain, Refused};
use super::handles::Object;
use super::page::OVER_LIMIT;
use super::shadows::{NoRoom, State, shadow_side};
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
    things: [(u64, *const Tracked); MOST_HANDLES],
    count: usize,
}

impl Carries {
    const fn nothing() -> Carries {
        Carries { things: [(0, ptr::null()); MOST_HANDLES], count: 0 }
    }

    fn push(&mut self, handle: u64, thing: *const Tracked) -> Result<(), Refused> {
        let place =
            self.things.get_mut(self.count).ok_or(Refused::Fault("sent a message that carries too much"))?;
        *place = (handle, thing);
        self.count += 1;
        Ok(())
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, *const Tracked)> + '_ {
        self.things[..self.count].iter().copied()
    }
}

impl State {
    fn move_out(&mut self, handle: u64, memory: UserMemory) -> Result<(), Refused> {
        let own = *self.handles.end(handle)?;
        // SAFETY: an end with a handle is open, and its shadow is there.
        let (channel, shadow) = unsafe { (own.end.channel(), own.shadow.as_ref()) };
        let side = shadow_side(&own);
        let to = side.peer();
        let ring = &channel.rings[to as usize];
        let count = shadow.heads[to as usize].count.load(Relaxed).wrapping_sub(own.sent);
        if count > 0 {
            if count > u64::from(ring.mask) + 1 {
                return Err(Refused::Fault("sent more messages than its contract lets be in flight"));
            }
            if channel.in_flight(side) > 0 {
                return Err(Refused::Fault("sent before it had received what was sent to it"));
            }
            let peer = Owner::from_bits(channel.end(to).tracked.owner.load(Relaxed));
            if matches!(peer.kind(), OwnerKind::InFlight { .. }) {
                return Err(Refused::Fault("sent to an endpoint that is on its way"));
            }
            for number in own.sent..own.sent + count {
                self.move_one_out((channel, shadow), (handle, own.end), number, memory)?;
                self.handles.end(handle)?.sent = number + 1;
            }
            // For whoever is given this end or its peer; what a receiver finds to be otherwise is a violation.
            channel.state.store(shadow.state.load(Relaxed), Relaxed);
            shadow.tails[to as usize].count.store(own.sent + count, Relaxed);
        }
        let received = &channel.tails[side as usize];
        let said = shadow.tails[side as usize].credit.load(Relaxed);
        let credit = received.credit.load(Relaxed);
        // The domain cannot have received more than was moved to it.
        let gained = said.wrapping_sub(credit) <= received.count.load(Relaxed).wrapping_sub(credit);
        if gained && said != credit {
            received.credit.store(said, Release);
        }
        // SAFETY: the channel is there: this end of it is open.
        unsafe { notify_end(channel.end(to)) };
        Ok(())
    }

    fn move_one_out(
        &mut self,
        (channel, shadow): (&Channel, &Channel),
        (handle, end): (u64, &End),
        number: u64,
        memory: UserMemory,
    ) -> Result<(), Refused> {
        let to = channel.side_of(end).peer();
        let ring = &channel.rings[to as usize];
        if channel.in_flight(to) > u64::from(ring.mask) {
            return Err(Refused::Fault("sent more messages than its contract lets be in flight"));
        }
        let head = &channel.heads[to as usize].count;
        let (from, slot) = (ring.slot(shadow, number), ring.slot(channel, head.load(Relaxed)));
        // SAFETY: shadow and channel are of one build; the slot is free, since fewer messages are in flight than there are.
        let (given, label) = unsafe {
            ptr::copy_nonoverlapping(from, slot, ring.stride as usize - size_of::<Label>());
            (&*ring.label(from), &*ring.label(slot))
        };
        let mut first: *const Tracked = ptr::null();
        let given_chain = given.chain();
        if !given_chain.is_null() {
            first = self.give_up(
                channel,
                handle,
                given_chain.addr() as u64,
                memory,
                Owner::in_flight(channel.id, to),
            )?;
        }
        if channel.is_closed(to) {
            // Nobody will receive it.
            // SAFETY: the chain was just made.
            unsafe {
                walk(first, |carried| match carried {
                    Carried::Block(entry) => exchange::free(entry, || {}),
                    Carried::End(end) => channel::close(&*ptr::from_ref(end)),
                });
            }
            first = ptr::null();
        }
        label.write(given.message() | UNCHECKED, first);
        head.store(head.load(Relaxed).wrapping_add(1), Release);
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
        // SAFETY: an end with a handle is open, and its shadow is there.
        let (channel, shadow) = unsafe { (own.end.channel(), own.shadow.as_ref()) };
        let side = shadow_side(&own);
        let ring = &channel.rings[side as usize];
        let moved = own.received.wrapping_sub(u64::from(own.is_refused));
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

    /// Moves the next message to an end into its shadow. Returns whether there is anything that the domain did not know: a
    /// message, that the peer has closed, or that it has received more of a stream.
    pub(super) fn move_in(&mut self, handle: u64) -> Result<bool, Refused> {
        let own = *self.handles.end(handle)?;
        // SAFETY: an end with a handle is open, and its shadow is there.
        let (channel, shadow) = unsafe { (own.end.channel(), own.shadow.as_ref()) };
        let side = shadow_side(&own);
        let to = side.peer();
        shadow.state.store(channel.state.load(Relaxed), Relaxed);
        let owner = channel.end(to).tracked.owner.load(Relaxed);
        shadow.end(to).tracked.owner.store(owner, Relaxed);
        let credit = channel.tails[to as usize].credit.load(Relaxed);
        let has_credit = shadow.tails[to as usize].credit.load(Relaxed) != credit;
        shadow.tails[to as usize].credit.store(credit, Relaxed);
        // Looked at first: the peer's close comes after its last send.
        let is_closed = channel.is_closed(to);
        if channel.in_flight(side) == 0 {
            if is_closed {
                shadow.end(to).closed.store(IN_DOMAIN | CLOSED, Relaxed);
            }
            return Ok(has_credit || is_closed);
        }
        let ring = &channel.rings[side as usize];
        let tail = &channel.tails[side as usize].count;
        let number = own.received.wrapping_sub(u64::from(own.is_refused));
        let (slot, place) = (ring.slot(channel, tail.load(Relaxed)), ring.slot(shadow, number));
        // SAFETY: shadow and channel are of one build; the slot holds a message.
        let (label, given) = unsafe {
            ptr::copy_nonoverlapping(slot, place, ring.stride as usize - size_of::<Label>());
            (&*ring.label(slot), &*ring.label(place))
        };
        let brought = if label.chain().is_null() { Ok(0) } else { self.bring_in(label.chain()) };
        // What there is no room for breaks the domain's limit, as far as that can tell, until it asks again.
        let first = brought.unwrap_or(OVER_LIMIT);
        given.write(label.message(), ptr::without_provenance(first as usize));
        if brought.is_ok() {
            tail.store(tail.load(Relaxed).wrapping_add(1), Release);
        }
        let own = self.handles.end(handle)?;
        own.is_refused = brought.is_err();
        own.received = number.wrapping_add(1);
        shadow.heads[side as usize].count.store(own.received, Release);
        Ok(true)
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

/// Whether a block has whole pages for itself.
fn has_pages(entry: &BlockEntry) -> bool {
    entry.capacity.load(Relaxed) >= PAGE_SIZE
}

/// Whether nothing is on its way, either way.
fn is_at_rest(channel: &Channel) -> bool {
    [contracts::Side::Client, contracts::Side::Server].iter().all(|to| channel.in_flight(*to) == 0)
}

const _: () = assert!(offset_of!(BlockEntry, tracked) == 0 && offset_of!(End, tracked) == 0);
