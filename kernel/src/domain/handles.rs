//! What a domain has of ends, sets and blocks: a table of its own, which it refers to by numbers.
//!
//! A handle is an index and a generation, so one that was given back is not good for what comes in its place. Nothing rests on
//! its secrecy: a number that was never given out, or belongs to something else by now, is refused.

use alloc::vec::Vec;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{BlockEntry, Channel, End, Set, Thread};
use contracts::sabotage::{Bug, planted};

/// An end that a domain has.
#[derive(Clone, Copy)]
pub struct OwnEnd {
    /// It.
    pub end: &'static End,
    /// Its channel.
    pub channel: &'static Channel,
    /// Which side's it is.
    pub side: Side,
    /// Its shadow.
    pub shadow: NonNull<Channel>,
    /// Bytes of the shadow.
    pub bytes: usize,
    /// Messages that were moved from the shadow.
    pub sent: u64,
    /// Messages that were moved into it. The last of these may stand for one that is still in the channel: there was no room
    /// for what it carries.
    pub received: u64,
}

/// What a handle stands for, each with its shadow.
#[derive(Clone, Copy)]
pub enum Object {
    /// An end.
    End(OwnEnd),
    /// A set.
    Set(&'static Set, NonNull<Set>),
    /// The set of a thread's selections.
    Selection(NonNull<Thread>),
    /// A block.
    Block(&'static BlockEntry, NonNull<BlockEntry>),
}

/// A place for an object.
pub struct Slot {
    generation: u32,
    /// What is there.
    pub object: Option<Object>,
    /// A thread waits by it: until it goes on, it is nobody else's to use.
    pub busy: bool,
}

/// No handle of the domain's, of another kind, or in use by another of its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHandle;

/// There is no memory for another handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The handles of one domain.
#[derive(Default)]
pub struct Handles {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

// SAFETY: what the objects refer to is the domain's, whose handles these are.
unsafe impl Send for Handles {}

impl Handles {
    /// None.
    pub const fn new() -> Handles {
        Handles { slots: Vec::new(), free: Vec::new() }
    }

    /// Finds room for another handle; the next [`Handles::insert`] takes no memory.
    ///
    /// # Errors
    /// [`Full`] if the kernel has no memory for it.
    pub fn reserve(&mut self) -> Result<(), Full> {
        if self.free.is_empty() {
            // Both, so that giving it back needs no memory.
            self.slots.try_reserve(1).map_err(|_| Full)?;
            let index = u32::try_from(self.slots.len()).map_err(|_| Full)?;
            self.free.try_reserve(self.slots.len() + 1).map_err(|_| Full)?;
            self.slots.push(Slot { generation: 0, object: None, busy: false });
            self.free.push(index);
        }
        Ok(())
    }

    /// A handle for an object.
    ///
    /// # Errors
    /// [`Full`] if the kernel has no memory for it.
    pub fn insert(&mut self, object: Object) -> Result<u64, Full> {
        self.reserve()?;
        let index = self.free.pop().ok_or(Full)?;
        let slot = &mut self.slots[index as usize];
        slot.object = Some(object);
        Ok(handle(index, slot.generation))
    }

    /// The place of an object that nobody waits by.
    ///
    /// # Errors
    /// [`BadHandle`].
    #[inline]
    pub fn slot(&mut self, handle: u64) -> Result<&mut Slot, BadHandle> {
        // The index is one more than the slot's, so that no handle is 0.
        let index = (handle as u32).checked_sub(1).ok_or(BadHandle)?;
        let slot = self.slots.get_mut(index as usize).ok_or(BadHandle)?;
        let is_current = slot.generation == (handle >> 32) as u32 && slot.object.is_some();
        if is_current && !slot.busy { Ok(slot) } else { Err(BadHandle) }
    }

    /// The index of a handle's place, which is good while somebody waits by it.
    ///
    /// # Errors
    /// [`BadHandle`].
    #[inline]
    pub fn index(&mut self, handle: u64) -> Result<usize, BadHandle> {
        self.slot(handle)?;
        Ok(Handles::key(handle))
    }

    /// The place of this index.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn at(&mut self, index: usize) -> &mut Slot {
        &mut self.slots[index]
    }

    /// What is behind a handle.
    #[inline]
    pub fn get(&mut self, handle: u64) -> Result<&mut Object, BadHandle> {
        self.slot(handle)?.object.as_mut().ok_or(BadHandle)
    }

    /// The end behind a handle.
    #[inline]
    pub fn end(&mut self, handle: u64) -> Result<&mut OwnEnd, BadHandle> {
        match self.get(handle)? {
            Object::End(own) => Ok(own),
            _ => Err(BadHandle),
        }
    }

    /// An end of the domain's, by what [`Handles::key`] makes of its handle.
    pub fn find(&mut self, end: &End) -> Option<&mut OwnEnd> {
        let slot = self.slots.get_mut(end.key.load(Relaxed))?;
        match &mut slot.object {
            Some(Object::End(own)) if ptr::eq(own.end, end) => Some(own),
            _ => None,
        }
    }

    /// By which [`Handles::find`] finds the end of a handle; it stands in the end's `key`.
    pub fn key(handle: u64) -> usize {
        (handle as u32).wrapping_sub(1) as usize
    }

    /// All ends.
    pub fn ends(&self) -> impl Iterator<Item = &OwnEnd> {
        self.slots.iter().filter_map(|slot| match &slot.object {
            Some(Object::End(own)) => Some(own),
            _ => None,
        })
    }

    /// Keeps a handle for a thread that waits by it.
    ///
    /// # Errors
    /// [`BadHandle`].
    pub fn keep(&mut self, handle: u64) -> Result<(), BadHandle> {
        self.slot(handle)?.busy = true;
        Ok(())
    }

    /// The thread goes on.
    #[inline]
    pub fn release(&mut self, handle: u64) {
        if let Some(slot) = self.slots.get_mut(Handles::key(handle)) {
            slot.busy = false;
        }
    }

    /// Takes an object out; its handle is good for nothing from now on.
    ///
    /// # Errors
    /// [`BadHandle`].
    pub fn remove(&mut self, handle: u64) -> Result<Object, BadHandle> {
        let slot = self.slot(handle)?;
        let object = slot.object.take().ok_or(BadHandle)?;
        // One whose numbers are used up is not used again. The highest bit is not part of a handle.
        if slot.generation < u32::MAX >> 1 && !planted(Bug::LeakedHandle) {
            slot.generation += 1;
            self.free.push(Handles::key(handle) as u32);
        }
        Ok(object)
    }
}

fn handle(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Object {
        let set: &'static mut Set = Box::leak(Box::new(Set::unlisted()));
        let shadow = NonNull::from(&*set);
        Object::Set(set, shadow)
    }

    fn is_good(handles: &mut Handles, handle: u64) -> bool {
        handles.get(handle).is_ok()
    }

    #[test]
    fn a_handle_is_good_until_it_is_given_back_and_never_again() {
        let mut handles = Handles::new();
        let mut old = Vec::new();
        for _ in 0..1000 {
            let handle = handles.insert(set()).expect("memory");
            assert!(is_good(&mut handles, handle) && handles.end(handle).is_err());
            assert!(handles.remove(handle).is_ok());
            old.push(handle);
            assert!(
                !old.iter().any(|handle| is_good(&mut handles, *handle) || handles.remove(*handle).is_ok())
            );
        }
        assert_eq!(handles.slots.len(), 1, "places are used again");
    }

    #[test]
    fn numbers_that_were_never_given_out_are_refused() {
        let mut handles = Handles::new();
        let good = handles.insert(set()).expect("memory");
        for bad in [0, good + 1, good | 1 << 32, good ^ 1 << 63, u64::MAX, u64::from(u32::MAX)] {
            assert!(!is_good(&mut handles, bad) && handles.remove(bad).is_err(), "{bad:#x}");
        }
        assert!(is_good(&mut handles, good));
    }

    #[test]
    fn a_handle_by_which_a_thread_waits_is_nobody_elses() {
        let mut handles = Handles::new();
        let handle = handles.insert(set()).expect("memory");
        handles.keep(handle).expect("it is free");
        assert!(
            handles.keep(handle).is_err()
                && handles.remove(handle).is_err()
                && !is_good(&mut handles, handle)
        );
        handles.release(handle);
        assert!(handles.remove(handle).is_ok());
    }
}
