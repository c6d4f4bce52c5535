//! What the system holds, and that it is the same again.

use alloc::vec;

use contracts::spec::probe::MemorySums;
use contracts::spec::system::BlockTotals;
use trial::trouble::Trouble;

use crate::office::Office;

/// What the system holds at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    blocks: u64,
    bytes: u64,
    channels: u64,
    mapped: u64,
    free_frames: u64,
    kernel_heap: u64,
}

impl Sums {
    /// What the probe says. The records of faults are kept, and so many that they stand for no leak.
    pub(crate) fn of(totals: &BlockTotals, memory: &MemorySums) -> Self {
        Sums {
            blocks: totals.blocks,
            bytes: totals.bytes,
            channels: memory.channels,
            mapped: totals.mapped,
            free_frames: memory.free_frames,
            kernel_heap: memory.kernel_heap - memory.faults,
        }
    }

    /// Frames that are free no more, and bytes of the kernel's heap that are in use since, whatever else there is.
    pub(crate) fn lost_since(&self, earlier: &Sums) -> (i64, i64) {
        (
            earlier.free_frames.cast_signed() - self.free_frames.cast_signed(),
            self.kernel_heap.cast_signed() - earlier.kernel_heap.cast_signed(),
        )
    }

    fn has_the_same_things(&self, other: &Sums) -> bool {
        (self.blocks, self.bytes, self.channels) == (other.blocks, other.bytes, other.channels)
    }
}

/// How often something was injected, how often it was noticed as it should be, and how often all was as before then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Score {
    pub(crate) injected: u64,
    pub(crate) detected: u64,
    pub(crate) recovered: u64,
}

/// Ticks of the timer in which peers of the process see that it is gone, and close their ends.
const MOURNING: usize = 10;
/// Times that a round is repeated which leaves less or more memory each time.
const REPETITIONS: usize = 6;

/// Runs a round that ends a process, and finds that the system then holds what it held before.
///
/// A round may make or use up what is kept for the next: a larger table, an empty slab. So a round that changed what memory
/// there is is run again, until it leaves as much as one before it did. Blocks and channels are never kept. That little is
/// kept in all is looked at when everything is over.
pub(crate) fn settles<T>(
    office: &mut Office,
    score: &mut Score,
    mut round: impl FnMut(&mut Office, &mut Score) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let before = office.held()?;
    let result = round(office, score)?;
    let mut seen = vec![before];
    loop {
        let held = mourn(office, &before)?;
        if seen.contains(&held) {
            office.hold(held);
            score.recovered += 1;
            return Ok(result);
        }
        if seen.len() > REPETITIONS || !held.has_the_same_things(&before) {
            rt::log!("before: {seen:?}");
            rt::log!("after:  {held:?}");
            return Err(Trouble::Wrong("something is left of a process that ended"));
        }
        seen.push(held);
        round(office, &mut Score::default())?;
    }
}

/// What the system holds when it holds `before`, or a while later.
fn mourn(office: &mut Office, before: &Sums) -> Result<Sums, Trouble> {
    for _ in 0..MOURNING {
        if office.sums()? == *before {
            break;
        }
        office.rest();
    }
    office.sums()
}
