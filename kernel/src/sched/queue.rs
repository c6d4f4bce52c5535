//! The run queue, without the machine: round robin within a priority, a greater priority first.
//!
//! Entries are linked through themselves, so that queueing allocates nothing and any entry can be taken out at once.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;

use contracts::manifest::MOST_PRIORITY;
use contracts::sabotage::{Bug, planted};
use intrusive_collections::{LinkedList, LinkedListAtomicLink, UnsafeRef, intrusive_adapter};

/// The greatest priority, that of the kernel's threads: above all SIPs', so that what they do is done at once. The least
/// is 1.
pub const KERNEL_PRIORITY: u32 = MOST_PRIORITY as u32 + 1;

/// What stands in the queue for a thread.
#[derive(Debug)]
pub struct Queued<T> {
    thread: T,
    /// The priority it was queued with.
    level: AtomicU32,
    link: LinkedListAtomicLink,
}

intrusive_adapter!(Entries<T> = UnsafeRef<Queued<T>>: Queued<T> { link => LinkedListAtomicLink });

impl<T> Queued<T> {
    /// An entry that is in no queue.
    pub const fn new(thread: T) -> Self {
        Queued { thread, level: AtomicU32::new(0), link: LinkedListAtomicLink::new() }
    }

    /// Whether it is in a queue.
    pub fn is_queued(&self) -> bool {
        self.link.is_linked()
    }
}

/// Ready threads of one core, in order.
pub struct RunQueue<T> {
    levels: [LinkedList<Entries<T>>; KERNEL_PRIORITY as usize + 1],
    /// Levels that are not empty, a bit each.
    ready: u32,
}

impl<T: Copy> RunQueue<T> {
    /// An empty queue.
    pub const fn new() -> Self {
        RunQueue { levels: [const { LinkedList::new(Entries::NEW) }; KERNEL_PRIORITY as usize + 1], ready: 0 }
    }

    /// Adds a thread behind the others of its priority.
    ///
    /// # Safety
    ///
    /// The entry is in no queue, and stays where it is until it is taken out of this one.
    ///
    /// # Panics
    /// If the priority is greater than [`KERNEL_PRIORITY`].
    pub unsafe fn push(&mut self, priority: u32, entry: &Queued<T>) {
        entry.level.store(priority, Relaxed);
        // SAFETY: passed on to the caller.
        let entry = unsafe { UnsafeRef::from_raw(entry) };
        match planted(Bug::NoRoundRobin) {
            false => self.levels[priority as usize].push_back(entry),
            true => self.levels[priority as usize].push_front(entry),
        }
        self.ready |= 1 << priority;
    }

    /// Takes the thread that has waited longest among those of the greatest priority.
    pub fn pop(&mut self) -> Option<T> {
        let top = self.top();
        let entry = self.levels[top as usize].pop_front()?;
        self.note_empty(top);
        Some(entry.thread)
    }

    /// Takes an entry out, if it is queued.
    ///
    /// # Safety
    ///
    /// If it is in a queue, it is in this one.
    pub unsafe fn remove(&mut self, entry: &Queued<T>) {
        if entry.is_queued() {
            let level = entry.level.load(Relaxed);
            // SAFETY: an entry that is queued is in the list of the priority it was queued with.
            unsafe { self.levels[level as usize].cursor_mut_from_ptr(entry) }.remove();
            self.note_empty(level);
        }
    }

    fn note_empty(&mut self, level: u32) {
        if self.levels[level as usize].is_empty() {
            self.ready &= !(1 << level);
        }
    }

    /// The greatest priority in the queue, 0 if it is empty.
    pub fn top(&self) -> u32 {
        self.ready.checked_ilog2().unwrap_or(0)
    }
}

impl<T: Copy> Default for RunQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Pop,
        Remove(prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            5 => (1..=KERNEL_PRIORITY).prop_map(Step::Push),
            3 => Just(Step::Pop),
            2 => any::<prop::sample::Index>().prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn the_greatest_priority_comes_first_and_within_it_the_one_that_waited_longest(
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let entries: Vec<Queued<usize>> = (0..steps.len()).map(Queued::new).collect();
            let mut queue = RunQueue::new();
            let mut model: Vec<(u32, usize)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(priority) => {
                        // SAFETY: each entry is pushed once, and outlives the queue.
                        unsafe { queue.push(priority, &entries[number]) };
                        model.push((priority, number));
                    }
                    Step::Pop => {
                        let best = model.iter().enumerate().min_by_key(|(_, (p, n))| (u32::MAX - p, *n));
                        let best = best.map(|(place, _)| place);
                        prop_assert_eq!(queue.pop(), best.map(|place| model.remove(place).1));
                    }
                    Step::Remove(index) => {
                        let entry = index.index(entries.len());
                        model.retain(|(_, number)| *number != entry);
                        // SAFETY: there is one queue only.
                        unsafe { queue.remove(&entries[entry]) };
                    }
                }
                prop_assert_eq!(queue.top(), model.iter().map(|(p, _)| *p).max().unwrap_or(0));
                for (number, entry) in entries.iter().enumerate() {
                    prop_assert_eq!(entry.is_queued(), model.iter().any(|(_, queued)| *queued == number));
                }
            }
            while queue.pop().is_some() {}
        }
    }
}
