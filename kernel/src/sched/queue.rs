//! The run queue, without the machine: round robin within a priority, a greater priority first.

use alloc::collections::VecDeque;

/// The greatest priority. The least is 1.
pub const MOST_PRIORITY: u32 = 31;

/// Ready threads of one core, in order.
pub struct RunQueue<T> {
    levels: [VecDeque<T>; MOST_PRIORITY as usize + 1],
    /// Levels that are not empty, a bit each.
    ready: u32,
}

impl<T> RunQueue<T> {
    /// An empty queue.
    pub const fn new() -> Self {
        RunQueue { levels: [const { VecDeque::new() }; MOST_PRIORITY as usize + 1], ready: 0 }
    }

    /// Makes room for `threads` threads of a priority, so that [`RunQueue::push`] does not allocate.
    pub fn reserve(&mut self, priority: u32, threads: usize) {
        let level = &mut self.levels[priority as usize];
        level.reserve(threads.saturating_sub(level.len()));
    }

    /// Adds a thread behind the others of its priority.
    pub fn push(&mut self, priority: u32, thread: T) {
        self.levels[priority as usize].push_back(thread);
        self.ready |= 1 << priority;
    }

    /// Takes the thread that has waited longest among those of the greatest priority.
    pub fn pop(&mut self) -> Option<T> {
        let top = self.top();
        let level = &mut self.levels[top as usize];
        let thread = level.pop_front()?;
        if level.is_empty() {
            self.ready &= !(1 << top);
        }
        Some(thread)
    }

    /// The greatest priority in the queue, 0 if it is empty.
    pub fn top(&self) -> u32 {
        self.ready.checked_ilog2().unwrap_or(0)
    }

    /// All threads in the queue.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.levels.iter().flatten()
    }
}

impl<T> Default for RunQueue<T> {
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
        fn the_greatest_priority_comes_first_and_within_it_the_one_that_waited_longest(
            steps in prop::collection::vec(prop::option::weighted(0.6, 1u32..=MOST_PRIORITY), 0..300),
        ) {
            let mut queue = RunQueue::new();
            let mut model: Vec<(u32, usize)> = Vec::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Some(priority) => {
                        queue.push(priority, number);
                        model.push((priority, number));
                    }
                    None => {
                        let best = model.iter().enumerate().min_by_key(|(_, (p, n))| (u32::MAX - p, *n));
                        let best = best.map(|(place, _)| place);
                        prop_assert_eq!(queue.pop(), best.map(|place| model.remove(place).1));
                    }
                }
                prop_assert_eq!(queue.top(), model.iter().map(|(p, _)| *p).max().unwrap_or(0));
                prop_assert_eq!(queue.iter().count(), model.len());
            }
        }
    }
}
