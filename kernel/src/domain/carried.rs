//! What messages carry through the gate: blocks and endpoints, which a domain gives up and is given.
//!
//! A chain in a domain is of its shadows, and believed in nothing but the handles that stand there; one of the kernel's is of entries
//! and ends. Blocks of whole pages are unmapped and mapped; others are copied on their way in, and counted.

use core::mem::{MaybeUninit, offset_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{BlockEntry, Channel, End, Owner, SHADOW, TRACKED_BLOCK, Tracked};
use contracts::binding::bare::{account_has_room_for, account_takes_over};
use contracts::channel::{Carried, walk};
use contracts::exchange::MOST_HANDLES;

use super::gate::Refused;
use super::handles::Object;
use super::shadows::{NoRoom, State};
use super::shelf::kept_at;
use crate::arch::cores;
use crate::memory::PAGE_SIZE;
use crate::memory::space::UserMemory;
use crate::{channel, exchange};

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

impl State {
    /// Takes what a message carries from the domain: what its chain from `next` on says. Returns the kernel's chain, in the
    /// same order, which is that of the body.
    pub(super) fn give_up(
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
    pub(super) fn drain(&mut self, on: u64, memory: UserMemory) -> Result<(), Refused> {
        let own = *self.handles.end(on)?;
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
                // The end itself is closed next, and not here: its channel goes with it.
                if handle == on {
                    break;
                }
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

    /// Makes what a message carries the domain's. Returns where its chain begins there. If it fails, all is as it was.
    pub(super) fn bring_in(&mut self, chain: *const Tracked) -> Result<u64, NoRoom> {
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
pub(super) fn give_back(chain: *const Tracked) {
    // SAFETY: the chain was just made, and is nobody's.
    unsafe {
        walk(chain, |carried| match carried {
            Carried::Block(entry) => exchange::free(entry, || {}),
            Carried::End(end) => channel::close(&*ptr::from_ref(end)),
        });
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
