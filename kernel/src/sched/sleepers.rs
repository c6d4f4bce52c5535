//! Threads that wait for a point in time, without the machine.
//!
//! Entries are linked through themselves, so that going to sleep allocates nothing.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use intrusive_collections::{KeyAdapter, RBTree, RBTreeAtomicLink, UnsafeRef, intrusive_adapter};

/// What stands in the list of sleepers for a thread.
#[derive(Debug)]
pub struct Sleeper<T> {
    thread: T,
    deadline: AtomicU64,
    link: RBTreeAtomicLink,
}

intrusive_adapter!(Entries<T> = UnsafeRef<Sleeper<T>>: Sleeper<T> { link => RBTreeAtomicLink });

impl<'a, T> KeyAdapter<'a> for Entries<T> {
    type Key = u64;
    fn get_key(&self, sleeper: &'a Sleeper<T>) -> u64 {
        sleeper.deadline.load(Relaxed)
    }
}

impl<T> Sleeper<T> {
    /// An entry that is in no list.
    pub const fn new(thread: T) -> Self {
        Sleeper { thread, deadline: AtomicU64::new(0), link: RBTreeAtomicLink::new() }
    }

    /// Whether it is in a list.
    pub fn sleeps(&self) -> bool {
        self.link.is_linked()
    }
}

/// Sleeping threads by the time at which they wake.
pub struct Sleepers<T>(RBTree<Entries<T>>);

impl<T: Copy> Sleepers<T> {
    /// None.
    pub const fn new() -> Self {
        Sleepers(RBTree::new(Entries::NEW))
    }

    /// Adds a thread that wakes at `deadline`, in nanoseconds.
    ///
    /// # Safety
    ///
    /// The entry is in no list, and stays where it is until it is taken out of this one.
    pub unsafe fn add(&mut self, deadline: u64, entry: &Sleeper<T>) {
        entry.deadline.store(deadline, Relaxed);
        // SAFETY: passed on to the caller.
        self.0.insert(unsafe { UnsafeRef::from_raw(entry) });
    }

    /// Takes an entry out, if it is listed.
    ///
    /// # Safety
    ///
    /// If it is in a list, it is in this one.
    pub unsafe fn remove(&mut self, entry: &Sleeper<T>) {
        if entry.sleeps() {
            // SAFETY: passed on to the caller.
            unsafe { self.0.cursor_mut_from_ptr(entry) }.remove();
        }
    }

    /// Takes the thread that was to wake first, if that is due at `now`.
    pub fn pop_due(&mut self, now: u64) -> Option<T> {
        let mut first = self.0.front_mut();
        let due = first.get().is_some_and(|sleeper| sleeper.deadline.load(Relaxed) <= now);
        if due { first.remove().map(|sleeper| sleeper.thread) } else { None }
    }
}

impl<T: Copy> Default for Sleepers<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_sleeper_wakes_once_when_it_is_due_and_the_earliest_first(
            deadlines in prop::collection::vec(0u64..50, 1..60),
            removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            steps in prop::collection::vec(1u64..10, 1..20),
        ) {
            let entries: Vec<Sleeper<usize>> = (0..deadlines.len()).map(Sleeper::new).collect();
            let mut sleepers = Sleepers::new();
            let mut model: Vec<usize> = (0..deadlines.len()).collect();
            for (entry, deadline) in entries.iter().zip(&deadlines) {
                // SAFETY: each entry is added once, and outlives the list.
                unsafe { sleepers.add(*deadline, entry) };
            }
            for index in removed {
                let entry = index.index(entries.len());
                model.retain(|number| *number != entry);
                // SAFETY: there is one list only.
                unsafe { sleepers.remove(&entries[entry]) };
                prop_assert!(!entries[entry].sleeps());
            }
            let mut now = 0;
            for step in steps {
                now += step;
                let mut earlier = 0;
                while let Some(number) = sleepers.pop_due(now) {
                    prop_assert!(deadlines[number] <= now && deadlines[number] >= earlier);
                    earlier = deadlines[number];
                    prop_assert!(model.contains(&number), "{} woke twice or was removed", number);
                    model.retain(|other| *other != number);
                }
                prop_assert!(model.iter().all(|number| deadlines[*number] > now), "nobody is late");
            }
            while sleepers.pop_due(u64::MAX).is_some() {}
        }
    }
}
