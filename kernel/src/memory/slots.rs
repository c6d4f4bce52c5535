//! Numbered places, of which the lowest free one is taken first.

use core::sync::atomic::Ordering::{AcqRel, Relaxed};
use core::sync::atomic::{AtomicU64, AtomicUsize};

const WORD: usize = u64::BITS as usize;

/// `WORDS` times 64 slots.
#[derive(Debug)]
pub struct Slots<const WORDS: usize> {
    /// A bit for each slot that is taken.
    taken: [AtomicU64; WORDS],
    /// Where to look first. No word before it has a free slot, or else it is found when there is none behind.
    hint: AtomicUsize,
}

impl<const WORDS: usize> Slots<WORDS> {
    /// Free slots.
    pub const fn new() -> Self {
        Slots { taken: [const { AtomicU64::new(0) }; WORDS], hint: AtomicUsize::new(0) }
    }

    /// Takes the lowest slot that is free; none if all are taken.
    pub fn take(&self) -> Option<usize> {
        let hint = self.hint.load(Relaxed);
        (hint..WORDS).chain(0..hint).find_map(|word| self.take_in(word))
    }

    fn take_in(&self, word: usize) -> Option<usize> {
        let claim = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
        let before = self.taken[word].fetch_update(AcqRel, Relaxed, claim).ok()?;
        self.hint.store(word, Relaxed);
        Some(word * WORD + before.trailing_ones() as usize)
    }

    /// How many are taken.
    #[cfg(any(test, feature = "campaign"))]
    pub fn count(&self) -> usize {
        self.taken.iter().map(|word| word.load(Relaxed).count_ones() as usize).sum()
    }

    /// Gives a slot back.
    ///
    /// # Panics
    /// If it is not taken.
    pub fn give(&self, slot: usize) {
        let (word, bit) = (slot / WORD, 1 << (slot % WORD));
        let before = self.taken[word].fetch_and(!bit, AcqRel);
        assert!(before & bit != 0, "slot {slot} given back twice");
        self.hint.fetch_min(word, Relaxed);
    }
}

impl<const WORDS: usize> Default for Slots<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_lowest_free_slot_is_taken_and_none_twice(
            steps in prop::collection::vec(any::<(bool, u16)>(), 0..2000),
        ) {
            let slots = Slots::<3>::new();
            let mut free: BTreeSet<usize> = (0..3 * WORD).collect();
            let mut held = Vec::new();
            for (take, pick) in steps {
                if take || held.is_empty() {
                    let slot = slots.take();
                    prop_assert_eq!(slot, free.pop_first());
                    held.extend(slot);
                } else {
                    let slot = held.swap_remove(usize::from(pick) % held.len());
                    slots.give(slot);
                    free.insert(slot);
                }
                prop_assert_eq!(slots.count(), held.len());
            }
        }
    }

    #[test]
    #[should_panic(expected = "given back twice")]
    fn giving_a_slot_back_twice_panics() {
        let slots = Slots::<1>::new();
        let slot = slots.take().unwrap();
        slots.give(slot);
        slots.give(slot);
    }
}
