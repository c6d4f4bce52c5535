//! Shadows: how things become a domain's, and cease to be.

use core::mem::{offset_of, size_of};
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{
    BEYOND, BlockEntry, Channel, ELSEWHERE, End, IN_DOMAIN, NEW_MEMBER, NOTIFY_SET, SHADOW, Set,
    TRACKED_BLOCK, TRACKED_END, Thread, Tracked,
};
use contracts::binding::leave_end;
use contracts::sabotage::{Bug, planted};
use x86_64::VirtAddr;

use super::handles::{self, BadHandle, Handles, Object, OwnEnd};
use super::page::{ACCOUNT, PEERS};
use super::shelf::{self, Shelf, seen_at};
use crate::account::Account;
use crate::memory::PAGE_SIZE;
use crate::memory::frames;
use crate::memory::layout::{DOMAIN_BLOCKS, EXCHANGE_HEAP, EXCHANGE_HEAP_BYTES};
use crate::memory::mapping::Tables;
use crate::{channel, sched};

/// What a domain has, each thing with its shadow.
pub(super) struct State {
    pub(super) account: &'static Account,
    pub(super) tables: Tables,
    pub(super) handles: Handles,
    pub(super) shelf: Shelf,
    /// Where tables may have been left empty that map blocks: the first page of each.
    emptied: [VirtAddr; MOST_EMPTIED],
    /// Which of these is the oldest.
    next_emptied: usize,
}

/// Pages that one table of level 1 maps.
const TABLE_PAGES: usize = 512;
/// So many tables may be left empty, that blocks which come and go need not make them anew.
const MOST_EMPTIED: usize = 8;

impl State {
    /// Nothing yet.
    pub(super) fn new(account: &'static Account, tables: Tables, shelf: Shelf) -> State {
        let emptied = [VirtAddr::new(DOMAIN_BLOCKS); MOST_EMPTIED];
        State { account, tables, handles: Handles::new(), shelf, emptied, next_emptied: 0 }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // Its blocks are freed next.
        self.tables.unmap_range(VirtAddr::new(DOMAIN_BLOCKS), EXCHANGE_HEAP_BYTES as usize / PAGE_SIZE);
    }
}

/// There is no memory for another of a domain's things, or its limit does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl From<handles::Full> for NoRoom {
    fn from(_: handles::Full) -> Self {
        NoRoom
    }
}

impl From<shelf::Full> for NoRoom {
    fn from(_: shelf::Full) -> Self {
        NoRoom
    }
}

/// Where a block lies in the domain that has it.
pub(super) fn block_seen_at(entry: &BlockEntry) -> VirtAddr {
    VirtAddr::new(entry.address.load(Relaxed) as u64 - EXCHANGE_HEAP + DOMAIN_BLOCKS)
}

/// What a domain is to take for the address of something of its own.
pub(super) fn seen<T>(address: u64) -> *mut T {
    ptr::without_provenance_mut(address as usize)
}

impl State {
    /// Makes an end the domain's: a handle and a shadow. Returns where the end lies in the domain, and the handle.
    pub(super) fn insert_end(&mut self, end: &'static End) -> Result<(u64, u64), NoRoom> {
        // SAFETY: the end is the domain's, and open.
        let channel: &'static Channel = unsafe { end.channel() };
        let side = channel.side_of(end);
        // SAFETY: the channel is the kernel's, in memory of this entry.
        let bytes = unsafe { &*channel.memory.load(Relaxed) }.size.load(Relaxed);
        self.handles.reserve()?;
        let place = self.shelf.take(bytes)?.cast::<Channel>();
        let counts = |to: Side| channel.heads[to as usize].count.load(Relaxed);
        let own = OwnEnd {
            end,
            channel,
            side,
            shadow: place,
            bytes,
            sent: counts(side.peer()),
            received: channel.tails[side as usize].count.load(Relaxed),
        };
        let handle = self.handles.insert(Object::End(own))?;
        let address = seen_at(place.as_ptr() as usize);
        let shadow_of = |of: Side| End {
            tracked: Tracked {
                owner: self.account.owner().to_bits().into(),
                next: ptr::null_mut::<Tracked>().into(),
                kind: TRACKED_END.into(),
                mark: 0.into(),
            },
            // Who would wake the peer calls the kernel.
            notify: if of == side { 0.into() } else { (PEERS as usize | NOTIFY_SET).into() },
            ready_next: ptr::null_mut::<End>().into(),
            ready: BEYOND.into(),
            closed: if of == side { 0.into() } else { (IN_DOMAIN | ELSEWHERE).into() },
            key: 0.into(),
            channel: seen::<Channel>(address).into(),
        };
        let shadow = Channel {
            id: SHADOW | handle,
            fingerprint: channel.fingerprint,
            rings: channel.rings,
            state: channel.state.load(Relaxed).into(),
            closed_ends: 0.into(),
            memory: ptr::null_mut::<BlockEntry>().into(),
            ends: [shadow_of(Side::Client), shadow_of(Side::Server)],
            heads: Default::default(),
            tails: Default::default(),
        };
        // The counts go on from the channel's, so that its slots are the shadow's.
        for (to, moved) in [(side.peer(), own.sent), (side, own.received)] {
            let (head, tail) = (&shadow.heads[to as usize], &shadow.tails[to as usize]);
            head.count.store(moved, Relaxed);
            tail.count.store(moved, Relaxed);
            tail.credit.store(moved, Relaxed);
            head.credit.store(moved, Relaxed);
        }
        let credit = channel.tails[side.peer() as usize].credit.load(Relaxed);
        shadow.tails[side.peer() as usize].credit.store(credit, Relaxed);
        shadow.heads[side.peer() as usize].credit.store(credit, Relaxed);
        // SAFETY: the place has room for the channel, and nobody has seen it.
        unsafe { place.write(shadow) };
        end.closed.store(IN_DOMAIN, Relaxed);
        end.key.store(Handles::key(handle), Relaxed);
        // To an end that the kernel placed in a set there may be messages; then it was done there.
        if channel.in_flight(side) == 0 {
            // SAFETY: it is looked at, and nobody else runs.
            unsafe { channel::forget_messages(end) };
        }
        Ok((address + (offset_of!(Channel, ends) + side as usize * size_of::<End>()) as u64, handle))
    }

    /// Takes an end from the domain, which has given it up. It is a member of no set any more.
    pub(super) fn remove_end(&mut self, handle: u64) -> Result<&'static End, BadHandle> {
        let own = *self.handles.end(handle)?;
        let OwnEnd { end, shadow, bytes, .. } = own;
        self.handles.remove(handle)?;
        leave(&own);
        if !planted(Bug::LeakedShadow) {
            self.shelf.give(shadow.cast(), bytes);
        }
        end.closed.store(0, Relaxed);
        Ok(end)
    }

    pub(super) fn insert_set(&mut self, set: &'static Set) -> Result<u64, NoRoom> {
        self.handles.reserve()?;
        let place = self.shelf.take(size_of::<Set>())?.cast::<Set>();
        let handle = self.handles.insert(Object::Set(set, place))?;
        let shadow = Set { id: SHADOW | handle, ..Set::unlisted() };
        // SAFETY: the place has room for it, and nobody has seen it.
        unsafe { place.write(shadow) };
        Ok(seen_at(place.as_ptr() as usize))
    }

    /// Makes a block the domain's, and maps it there; it has whole pages. Returns where its entry lies in the domain, and the
    /// handle.
    pub(super) fn insert_block(&mut self, entry: &'static BlockEntry) -> Result<(u64, u64), NoRoom> {
        self.handles.reserve()?;
        let place = self.shelf.take(size_of::<BlockEntry>())?.cast::<BlockEntry>();
        let (address, bytes) = (block_seen_at(entry), entry.capacity.load(Relaxed));
        let original = VirtAddr::new(entry.address.load(Relaxed) as u64);
        // What lies behind the content is nobody's, and not for the domain to see.
        let size = entry.size.load(Relaxed);
        // SAFETY: the bytes are the block's, which nobody uses now.
        unsafe { original.as_mut_ptr::<u8>().add(size).write_bytes(0, bytes - size) };
        // SAFETY: the block stays mapped until it is freed, and it is unmapped here before that.
        let map = || unsafe { self.tables.map_alias(address, original, bytes / PAGE_SIZE) };
        let mapped = map().or_else(|_| {
            self.free_emptied();
            map()
        });
        if mapped.is_err() {
            self.shelf.give(place.cast(), size_of::<BlockEntry>());
            return Err(NoRoom);
        }
        let handle = self.handles.insert(Object::Block(entry, place))?;
        let shadow = BlockEntry {
            tracked: Tracked {
                owner: self.account.owner().to_bits().into(),
                next: ptr::null_mut::<Tracked>().into(),
                kind: TRACKED_BLOCK.into(),
                mark: 0.into(),
            },
            address: (address.as_u64() as usize).into(),
            size: size.into(),
            capacity: (handle as usize).into(),
            account: seen::<contracts::abi::Account>(ACCOUNT).into(),
        };
        // SAFETY: the place has room for it, and nobody has seen it.
        unsafe { place.write(shadow) };
        Ok((seen_at(place.as_ptr() as usize), handle))
    }

    /// Takes a block from the domain, which does not reach it any more.
    pub(super) fn remove_block(&mut self, handle: u64) -> Result<&'static BlockEntry, BadHandle> {
        let &mut Object::Block(entry, place) = self.handles.get(handle)? else { return Err(BadHandle) };
        self.handles.remove(handle)?;
        self.shelf.give(place.cast(), size_of::<BlockEntry>());
        if !planted(Bug::MappedBlock) {
            self.unmap(block_seen_at(entry), entry.capacity.load(Relaxed) / PAGE_SIZE);
        }
        Ok(entry)
    }

    /// Unmaps a block's pages. The tables that this leaves empty are freed when as many others were left so, or memory is short.
    fn unmap(&mut self, start: VirtAddr, pages: usize) {
        self.tables.unmap_alias(start, pages);
        let region_bytes = (TABLE_PAGES * PAGE_SIZE) as u64;
        let (first, end) = (start.align_down(region_bytes), start + (pages * PAGE_SIZE) as u64);
        let regions = core::iter::successors(Some(first), |region| Some(*region + region_bytes));
        for region in regions.take_while(|region| *region < end) {
            if !self.emptied.contains(&region) {
                let place = &mut self.emptied[self.next_emptied];
                self.tables.free_empty(core::mem::replace(place, region));
                self.next_emptied = (self.next_emptied + 1) % self.emptied.len();
            }
        }
        if frames::are_exhausted() {
            self.free_emptied();
        }
    }

    /// Frees the tables that are empty.
    fn free_emptied(&self) {
        self.emptied.iter().for_each(|region| self.tables.free_empty(*region));
    }

    /// The set behind a handle, and its shadow.
    pub(super) fn set(&mut self, handle: u64) -> Result<(&'static Set, NonNull<Set>), BadHandle> {
        match *self.handles.get(handle)? {
            Object::Set(set, shadow) => Ok((set, shadow)),
            Object::Selection(thread) => {
                let current = sched::current();
                // Each thread has its own.
                let is_its = current.ring3().is_some_and(|ring3| ring3.selection == handle);
                let offset = offset_of!(Thread, selection);
                // SAFETY: it lies in the thread's shadow.
                let shadow = unsafe { thread.byte_add(offset).cast() };
                if is_its { Ok((&current.shared().selection, shadow)) } else { Err(BadHandle) }
            }
            _ => Err(BadHandle),
        }
    }

    /// What a domain is told of an end that this set of its lists: an end of its own, or one that was connected just now. None
    /// if it has taken the end out of the set; then the end leaves it. What is there is looked at next: the end is not listed
    /// any more.
    pub(super) fn listed(&mut self, end: &'static End, set: NonNull<Set>) -> Option<&mut OwnEnd> {
        let is_new = end.key.load(Relaxed) == NEW_MEMBER;
        end.ready.store(0, Relaxed);
        if is_new && self.insert_end(end).is_err() {
            // SAFETY: the domain has never heard of it.
            unsafe { channel::close(end) };
            return None;
        }
        let own = self.handles.find(end)?;
        if is_new {
            let shadow = own.shadow();
            shadow.end(own.side).key.store(NEW_MEMBER, Relaxed);
            kept_in(own, set);
        } else if own.shadow().end(own.side).notify.load(Relaxed) & NOTIFY_SET == 0 {
            leave(own);
            return None;
        }
        Some(own)
    }
}

impl OwnEnd {
    /// Its shadow, which the domain may write to at any time that it runs.
    #[inline]
    pub(super) fn shadow(&self) -> &'static Channel {
        // SAFETY: the shadow of an end that the domain has lies on its shelf, and all of it is atomics or is not read.
        unsafe { self.shadow.as_ref() }
    }
}

/// Notes for the domain that the kernel has this end in the set of this shadow, so that it need not be told of that again.
pub(super) fn kept_in(own: &OwnEnd, set: NonNull<Set>) {
    let shadow = own.shadow();
    shadow.memory.store(seen(seen_at(set.as_ptr() as usize)), Relaxed);
    shadow.end(own.side).ready.store(0, Relaxed);
}

/// Ends the membership of an end in whatever set it is in. When it joins one the kernel is to be told.
pub(super) fn leave(own: &OwnEnd) {
    // SAFETY: the end is a domain's, none of whose threads waits by it; if a set lists it, it is taken out.
    unsafe { leave_end(own.end) };
    own.shadow().memory.store(ptr::null_mut(), Relaxed);
}
