//! The gate: what a domain's calls about ends, sets and blocks do.
//!
//! The kernel checks lengths, handles and ownership, and knows no contract. A domain that sends what no contract allows ends
//! for it; what its messages say is for their receiver to check.

use core::mem::{offset_of, size_of};
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{
    BEYOND, BlockEntry, Channel, ChannelRequest, End, NOTIFY_SET, READY, SHADOW, Set, Thread,
};
use contracts::binding::{join_end, take_ready_ends};
use contracts::channel::Shape;
use contracts::spec::system;
use spin::Mutex;

use super::handles::{BadHandle, Handles, Object};
use super::shadows::{NoRoom, State, leave, seen, shadow_side};
use super::shelf::{Shelf, seen_at};
use crate::account::Account;
use crate::arch::clock;
use crate::memory::space::{BadAddress, Space, UserMemory};
use crate::memory::{self, PAGE_SIZE, PhysAddr};
use crate::sip::{self, Exit};
use crate::{channel, exchange, sched};

/// What the kernel keeps of a domain.
pub struct Domain {
    /// Where the domain is told which of its threads runs.
    core_current: *mut u64,
    pub(super) memory: UserMemory,
    pub(super) state: Mutex<State>,
}

// SAFETY: what is not behind the lock is constant; the word belongs to the domain's own page.
unsafe impl Send for Domain {}
// SAFETY: as above.
unsafe impl Sync for Domain {}

/// Nothing came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A handle is none.
    Handle,
    /// An address is not the domain's.
    Address,
    /// A limit or memory does not allow it.
    Exhausted,
    /// The domain did what no program does whose contracts the compiler checked; it ends.
    Fault(&'static str),
}

impl From<BadHandle> for Refused {
    fn from(_: BadHandle) -> Self {
        Refused::Handle
    }
}

impl From<BadAddress> for Refused {
    fn from(_: BadAddress) -> Self {
        Refused::Address
    }
}

impl From<NoRoom> for Refused {
    fn from(_: NoRoom) -> Self {
        Refused::Exhausted
    }
}

impl Domain {
    /// That of a space. What it has in common with the kernel takes `limit` pages at most.
    pub fn new(space: &Space, account: &'static Account, core_current: *mut u64, limit: usize) -> Domain {
        let (root, tables) = (space.root(), space.tables());
        // SAFETY: the space outlives the domain, as its holder sees to.
        let memory = unsafe { UserMemory::of(PhysAddr::new(root.as_u64())) };
        let shelf = Shelf::new(tables, limit);
        Domain {
            core_current,
            memory,
            state: Mutex::new(State { account, tables, handles: Handles::new(), shelf }),
        }
    }

    /// Where the domain is told which of its threads runs.
    pub fn core_current(&self) -> *mut u64 {
        self.core_current
    }

    /// Makes an end the domain's. Returns where it finds it.
    ///
    /// # Errors
    /// [`NoRoom`]; the end is still open.
    pub fn insert_end(&self, end: &'static End) -> Result<u64, NoRoom> {
        self.state.lock().insert_end(end).map(|(address, _)| address)
    }

    /// Makes a set the domain's. Returns where it finds it.
    ///
    /// # Errors
    /// [`NoRoom`]; the set is still there.
    pub fn insert_set(&self, set: &'static Set) -> Result<u64, NoRoom> {
        self.state.lock().insert_set(set)
    }

    /// What stands for a new thread in the domain: where it lies, and the handle of the set of its selections.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn insert_thread(&self) -> Result<(u64, u64), NoRoom> {
        let mut state = self.state.lock();
        state.handles.reserve()?;
        let place = state.shelf.take(size_of::<Thread>())?.cast::<Thread>();
        let handle = state.handles.insert(Object::Selection(place))?;
        // SAFETY: the place has room for it, all zeros are one, and nobody has seen it.
        unsafe {
            let offset = offset_of!(Thread, selection) + offset_of!(Set, id);
            place.byte_add(offset).cast::<u64>().write(SHADOW | handle);
        }
        Ok((seen_at(place.as_ptr() as usize), handle))
    }

    /// Gives back what [`Domain::insert_thread`] made for a thread that has left.
    pub fn remove_thread(&self, selection: u64) {
        let mut state = self.state.lock();
        state.handles.release(selection);
        if let Ok(Object::Selection(place)) = state.handles.remove(selection) {
            state.shelf.give(place.cast(), size_of::<Thread>());
        }
    }

    /// Pages that it has in common with the kernel.
    pub fn pages(&self) -> usize {
        self.state.lock().shelf.pages()
    }

    /// Closes an end of the domain's.
    pub(super) fn close(&self, address: u64) -> Result<(), Refused> {
        let handle = self.handle_of_end(address)?;
        let end = {
            let mut state = self.state.lock();
            state.drain(handle, self.memory)?;
            state.remove_end(handle)?
        };
        // SAFETY: the end was the domain's, and has no handle any more.
        unsafe { channel::close(end) };
        Ok(())
    }

    /// The handle of the end at an address, as the domain says.
    pub(super) fn handle_of_end(&self, address: u64) -> Result<u64, Refused> {
        let word = |address: u64, offset: usize| {
            self.memory.word(address.wrapping_add(offset as u64)).ok_or(Refused::Address)
        };
        let channel = word(address, offset_of!(End, channel))?;
        Ok(word(channel, offset_of!(Channel, id))? & !SHADOW)
    }

    /// A new channel to the service that the domain's manifest uses at `index`: where its client's end is.
    pub(super) fn connect(&self, index: u64) -> Result<u64, Refused> {
        let index = usize::try_from(index).map_err(|_| Refused::Exhausted)?;
        let end = sip::connect_port(index).ok_or(Refused::Exhausted)?;
        self.insert_end(end).map_err(|NoRoom| {
            // SAFETY: the end is fresh.
            unsafe { channel::close(end) };
            Refused::Exhausted
        })
    }

    /// A new channel as the request at an address asks, both ends the domain's: where the shadow of the client's end is.
    pub(super) fn create_channel(&self, address: u64) -> Result<u64, Refused> {
        let mut bytes = [0; size_of::<Shape>()];
        let offset = offset_of!(ChannelRequest, shape) as u64;
        self.memory.read(address.wrapping_add(offset), &mut bytes)?;
        // SAFETY: a shape is integers, of which any bytes are a value.
        let shape = unsafe { bytes.as_ptr().cast::<Shape>().read_unaligned() };
        memory::admit().map_err(|memory::Exhausted| Refused::Exhausted)?;
        let account = sched::current().account();
        let channel = channel::create(&shape, account, account).map_err(|_| Refused::Exhausted)?;
        let mut state = self.state.lock();
        let both = state.insert_end(channel.end(Side::Client)).and_then(|(client, _)| {
            let (server, _) = state.insert_end(channel.end(Side::Server))?;
            Ok((client, server))
        });
        let Ok((client, server)) = both else {
            for side in [Side::Client, Side::Server] {
                let end = channel.end(side);
                if let Some((handle, _)) = state.handles.find(end) {
                    // It was just found.
                    let _ = state.remove_end(handle);
                }
            }
            drop(state);
            // SAFETY: the ends are fresh, and nobody has seen them.
            unsafe {
                channel::close(channel.end(Side::Client));
                channel::close(channel.end(Side::Server));
            }
            return Err(Refused::Exhausted);
        };
        let own = state.handles.find(channel.end(Side::Client)).map(|(_, own)| own.shadow);
        if let Some(shadow) = own {
            // SAFETY: the shadow was just made.
            unsafe { shadow.as_ref() }.end(Side::Server).key.store(server as usize, Relaxed);
        }
        Ok(client - (offset_of!(Channel, ends) + Side::Client as usize * size_of::<End>()) as u64)
    }

    /// A new block. Returns where its entry is.
    pub(super) fn allocate(&self, size: u64, align: u64) -> Result<u64, Refused> {
        let (size, align) = (size as usize, align as usize);
        if !align.is_power_of_two() || align > PAGE_SIZE || size > isize::MAX as usize - PAGE_SIZE {
            return Err(Refused::Exhausted);
        }
        let account = sched::current().account();
        let entry =
            exchange::allocate_pages(size, align, account, sched::relax).map_err(|_| Refused::Exhausted)?;
        // Its pages were mapped just now, full of zeros.
        let inserted = self.state.lock().insert_block(entry);
        inserted.map(|(address, _)| address).map_err(|NoRoom| {
            exchange::free(entry, sched::relax);
            Refused::Exhausted
        })
    }

    /// Frees the block whose entry is at an address.
    pub(super) fn free(&self, address: u64) -> Result<(), Refused> {
        let offset = offset_of!(BlockEntry, capacity) as u64;
        let handle = self.memory.word(address.wrapping_add(offset)).ok_or(Refused::Address)?;
        let entry = self.state.lock().remove_block(handle)?;
        exchange::free(entry, sched::relax);
        Ok(())
    }

    /// A new set. Returns where it is.
    pub(super) fn create_set(&self) -> Result<u64, Refused> {
        memory::admit().map_err(|memory::Exhausted| Refused::Exhausted)?;
        let account = sched::current().account();
        let set = channel::create_set(account).map_err(|_| Refused::Exhausted)?;
        self.insert_set(set).map_err(|NoRoom| {
            // SAFETY: the set is fresh.
            unsafe { channel::close_set(set, sched::relax) };
            Refused::Exhausted
        })
    }

    /// Frees the set at an address. Its members are members of nothing then.
    pub(super) fn close_set(&self, address: u64) -> Result<(), Refused> {
        let offset = offset_of!(Set, id) as u64;
        let handle = self.memory.word(address.wrapping_add(offset)).ok_or(Refused::Address)? & !SHADOW;
        let set = {
            let mut state = self.state.lock();
            let &mut Object::Set(set, shadow) = state.handles.get(handle)? else {
                return Err(Refused::Handle);
            };
            state.handles.remove(handle)?;
            state.shelf.give(shadow.cast(), size_of::<Set>());
            state.handles.ends().filter(|end| is_member(end, set)).for_each(leave);
            set
        };
        // SAFETY: the set was the domain's, has no handle any more, and no members but those that were never seen.
        unsafe { channel::close_set(set, sched::relax) };
        Ok(())
    }

    /// Makes an end a member of a set, until it is listed there.
    pub(super) fn join(&self, set: u64, end: u64) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let (set, _) = state.set(set)?;
        let own = state.handles.end(end)?.end;
        leave(own);
        own.key.store(Handles::key(end), Relaxed);
        // SAFETY: end and set are the domain's, and the end is a member of no other set.
        unsafe { join_end(set, own) };
        Ok(())
    }

    /// Waits until there is something by an end or a set, or for a deadline, and moves it into the shadow.
    pub(super) fn wait(&self, handle: u64, deadline: u64) -> Result<(), Refused> {
        let set = self.state.lock().set(handle);
        match set {
            Ok((set, shadow)) => self.wait_set(handle, (set, shadow), deadline),
            Err(BadHandle) => self.wait_end(handle, deadline),
        }
    }

    fn wait_end(&self, handle: u64, deadline: u64) -> Result<(), Refused> {
        loop {
            let mut state = self.state.lock();
            if state.move_in(handle)? || clock::now_ns() >= deadline {
                return Ok(());
            }
            let end = state.handles.end(handle)?.end;
            // Alone, or in a set: not both.
            leave(end);
            state.handles.keep(handle)?;
            drop(state);
            block(&end.notify, deadline);
            self.state.lock().handles.release(handle);
        }
    }

    fn wait_set(
        &self,
        handle: u64,
        (set, shadow): (&'static Set, NonNull<Set>),
        deadline: u64,
    ) -> Result<(), Refused> {
        while set.ready.load(Relaxed).is_null() && clock::now_ns() < deadline {
            self.state.lock().handles.keep(handle)?;
            block(&set.waiter, deadline);
            self.state.lock().handles.release(handle);
        }
        let mut state = self.state.lock();
        // SAFETY: the set is the domain's.
        let mut next = unsafe { take_ready_ends(set) };
        // Newest first, as it was; the last one listed goes to the end.
        let mut last: Option<NonNull<End>> = None;
        let mut first: *mut End = ptr::null_mut();
        // SAFETY: what a set lists are its members, which are open.
        while let Some(end) = unsafe { next.as_ref() } {
            next = end.ready_next.load(Relaxed);
            let Some(own) = state.listed(end) else { continue };
            // SAFETY: the shadow is the domain's, in memory that is there.
            let shadow = unsafe { own.shadow.as_ref() };
            let side = shadow_side(&own);
            let listed = shadow.end(side);
            listed.ready.store(BEYOND | READY, Relaxed);
            listed.ready_next.store(ptr::null_mut(), Relaxed);
            let address = seen(seen_at(ptr::from_ref(listed) as usize));
            match last {
                None => first = address,
                // SAFETY: as above.
                Some(last) => unsafe { last.as_ref() }.ready_next.store(address, Relaxed),
            }
            last = Some(NonNull::from(listed));
        }
        if !first.is_null() {
            // SAFETY: as above.
            unsafe { shadow.as_ref() }.ready.store(first, Relaxed);
        }
        Ok(())
    }
}

fn is_member(end: &End, set: &Set) -> bool {
    end.notify.load(Relaxed) == ptr::from_ref(set) as usize | NOTIFY_SET
}

/// Blocks the running thread, which names itself in the word, until somebody takes it out or for a deadline.
fn block(word: &'static AtomicUsize, deadline: u64) {
    word.store(ptr::from_ref(sched::current().shared()) as usize, Relaxed);
    match deadline {
        u64::MAX => sched::block(),
        deadline => sched::block_until(deadline, Some(word)),
    }
}

/// Ends the running domain for what it did.
pub(super) fn fault(message: &str) -> ! {
    sip::end_current(Exit::saying(system::Exit::Fault, format_args!("{message}")))
}
