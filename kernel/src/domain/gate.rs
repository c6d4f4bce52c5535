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
    BlockEntry, Channel, ChannelRequest, Core, End, NOTIFY_SET, READY, SHADOW, Set, Thread,
};
use contracts::binding::{join_end, list_end, take_ready_ends};
use contracts::channel::Shape;
use contracts::spec::system;
use spin::{Mutex, MutexGuard};

use super::handles::{BadHandle, Handles, Object};
use super::messages::Came;
use super::shadows::{NoRoom, State, kept_in, leave, seen};
use super::shelf::{Shelf, seen_at};
use crate::account::Account;
use crate::arch::clock;
use crate::memory::space::{BadAddress, Space, UserMemory};
use crate::memory::{self, PAGE_SIZE, PhysAddr};
use crate::sip::{self, Exit};
use crate::{channel, exchange, sched};

/// What the kernel keeps of a domain.
pub struct Domain {
    /// The domain's own page, through the kernel's window: where it is told which of its threads runs, and says what it has
    /// sent.
    core: *const Core,
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
    pub fn new(space: &Space, account: &'static Account, core: *const Core, limit: usize) -> Domain {
        let (root, tables) = (space.root(), space.tables());
        // SAFETY: the space outlives the domain, as its holder sees to.
        let memory = unsafe { UserMemory::of(PhysAddr::new(root.as_u64())) };
        let shelf = Shelf::new(tables, limit);
        Domain { core, memory, state: Mutex::new(State::new(account, tables, shelf)) }
    }

    /// Where the domain is told which of its threads runs.
    pub fn core_current(&self) -> *mut u64 {
        // SAFETY: the page is the domain's, for as long as that is there.
        unsafe { (*self.core).current.as_ptr().cast() }
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

    /// Gives back what [`Domain::insert_thread`] made, whose set of selections goes, if there was a thread for it.
    pub fn remove_thread(&self, selection: u64, set: Option<&Set>) {
        let mut state = self.state.lock();
        if let Some(set) = set {
            state.handles.ends().filter(|own| is_member(own.end, set)).for_each(leave);
        }
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
        let inserted = state.insert_end(channel.end(Side::Client));
        let both = inserted.and_then(|client| Ok((client, state.insert_end(channel.end(Side::Server))?)));
        let ((client, handle), (server, _)) = match both {
            Ok(both) => both,
            Err(NoRoom) => {
                if let Ok((_, handle)) = inserted {
                    // It was just made.
                    let _ = state.remove_end(handle);
                }
                drop(state);
                // SAFETY: the ends are fresh, and nobody has seen them.
                unsafe {
                    channel::close(channel.end(Side::Client));
                    channel::close(channel.end(Side::Server));
                }
                return Err(Refused::Exhausted);
            }
        };
        let own = state.handles.end(handle)?;
        own.shadow().end(Side::Server).key.store(server as usize, Relaxed);
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
            state.handles.ends().filter(|own| is_member(own.end, set)).for_each(leave);
            set
        };
        // SAFETY: the set was the domain's, has no handle any more, and no members but those that were never seen.
        unsafe { channel::close_set(set, sched::relax) };
        Ok(())
    }

    /// Makes an end a member of a set.
    pub(super) fn join(&self, set: u64, end: u64) -> Result<(), Refused> {
        let mut state = self.state.lock();
        let (set, shadow) = state.set(set)?;
        let own = *state.handles.end(end)?;
        leave(&own);
        own.end.key.store(Handles::key(end), Relaxed);
        // SAFETY: end and set are the domain's, and the end is a member of no other set.
        unsafe { join_end(set, own.end) };
        // What it has not taken out of the shadow yet is news, too.
        if own.has_unread() {
            // SAFETY: as above.
            unsafe { list_end(set, own.end) };
        }
        kept_in(&own, shadow);
        Ok(())
    }

    /// Sees to what the domain has sent and not told of.
    pub(super) fn flush(&self) -> Result<(), Refused> {
        self.flush_in(&mut self.state.lock())
    }

    #[inline(always)]
    fn flush_in(&self, state: &mut State) -> Result<(), Refused> {
        // SAFETY: the page is the domain's, and the kernel's to read as long as the domain is there.
        let unsent = unsafe { &(*self.core).unsent };
        let handle = unsent.load(Relaxed);
        if handle == 0 {
            return Ok(());
        }
        unsent.store(0, Relaxed);
        match state.move_out(handle, self.memory) {
            // It may say what it likes.
            Err(Refused::Handle | Refused::Address) => Ok(()),
            sent => sent,
        }
    }

    /// Sees to what the domain has sent and not told of, when it runs no more for now. Returns what it is to end for.
    pub fn see_to_unsent(&self) -> Option<&'static str> {
        match self.flush() {
            Err(Refused::Fault(what)) => Some(what),
            _ => None,
        }
    }

    /// Waits until there is something by an end or a set, or for a deadline, and moves it into the shadow. What was sent
    /// before and not told of is seen to first.
    #[inline]
    pub(super) fn wait(&self, handle: u64, deadline: u64) -> Result<(), Refused> {
        let mut state = self.state.lock();
        self.flush_in(&mut state)?;
        let index = state.handles.index(handle)?;
        loop {
            let slot = state.handles.at(index);
            let Some(Object::End(own)) = &mut slot.object else {
                return self.wait_set(handle, state, deadline);
            };
            match own.move_in() {
                Came::Messages => return Ok(()),
                Came::Carrying => return state.move_in_carrying(handle),
                Came::Nothing => {}
            }
            if own.tell() || is_past(deadline) {
                return Ok(());
            }
            // Alone, or in a set: not both.
            if own.end.notify.load(Relaxed) != 0 {
                leave(own);
            }
            let word = &own.end.notify;
            // Until it is not any more the handle stays good, whatever else the domain does.
            slot.busy = true;
            drop(state);
            block(word, deadline);
            state = self.state.lock();
            state.handles.at(index).busy = false;
        }
    }

    fn wait_set<'a>(
        &'a self,
        handle: u64,
        mut state: MutexGuard<'a, State>,
        deadline: u64,
    ) -> Result<(), Refused> {
        let (set, shadow) = state.set(handle)?;
        loop {
            let first = state.list(set, shadow);
            if !first.is_null() {
                // SAFETY: the shadow is the domain's, in memory that is there.
                unsafe { shadow.as_ref() }.ready.store(first, Relaxed);
                return Ok(());
            }
            if is_past(deadline) {
                return Ok(());
            }
            state.handles.keep(handle)?;
            drop(state);
            block(&set.waiter, deadline);
            state = self.state.lock();
            state.handles.release(handle);
        }
    }
}

impl State {
    /// Moves what a set lists into the domain: each end's messages, up to one that carries something, and the list. Returns its first
    /// end, as the domain sees it.
    fn list(&mut self, set: &'static Set, shadow: NonNull<Set>) -> *mut End {
        let mut first: *mut End = ptr::null_mut();
        if set.ready.load(Relaxed).is_null() {
            return first;
        }
        // SAFETY: the set is the domain's.
        let mut next = unsafe { take_ready_ends(set) };
        // Newest first, as it was; the last one listed goes to the end.
        let mut last: Option<&End> = None;
        // SAFETY: what a set lists are its members, which are open.
        while let Some(end) = unsafe { next.as_ref() } {
            next = end.ready_next.load(Relaxed);
            let Some(own) = self.listed(end, shadow) else { continue };
            // It asks for what carries something.
            let came = own.move_in();
            let has_more = own.has_more();
            if has_more {
                // SAFETY: the end is a member of this set, and no longer listed there.
                unsafe { list_end(set, own.end) };
            }
            if !has_more && !own.tell() && came == Came::Nothing && !own.has_unread() {
                continue;
            }
            let listed = own.shadow().end(own.side);
            listed.ready.store(READY, Relaxed);
            listed.ready_next.store(ptr::null_mut(), Relaxed);
            let address = seen(seen_at(ptr::from_ref(listed) as usize));
            match last {
                None => first = address,
                Some(last) => last.ready_next.store(address, Relaxed),
            }
            last = Some(listed);
        }
        first
    }
}

fn is_member(end: &End, set: &Set) -> bool {
    end.notify.load(Relaxed) == ptr::from_ref(set) as usize | NOTIFY_SET
}

/// Whether a deadline has come, which is never for the greatest.
#[inline]
fn is_past(deadline: u64) -> bool {
    deadline != u64::MAX && clock::now_ns() >= deadline
}

/// Blocks the running thread, which names itself in the word, until somebody takes it out or for a deadline.
#[inline]
fn block(word: &'static AtomicUsize, deadline: u64) {
    word.store(ptr::from_ref(sched::current().shared()) as usize, Relaxed);
    match deadline {
        u64::MAX => sched::hand_off(),
        deadline => sched::block_until(deadline, Some(word)),
    }
}

/// Ends the running domain for what it did.
pub(super) fn fault(message: &str) -> ! {
    sip::end_current(Exit::saying(system::Exit::Fault, format_args!("{message}")))
}
