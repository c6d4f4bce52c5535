//! What the system holds, and that it is the same again.

use contracts::spec::injector::Kept;
use contracts::spec::probe::MemorySums;
use contracts::spec::system::BlockTotals;
use trial::trouble::Trouble;

use crate::office::Office;

/// What the system holds at one instant, to the byte. What the kernel keeps for the next time only is given back before; what
/// it cannot give back (the pages of its heap, the room in its tables, the records of faults) is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    processes: u64,
    channels: u64,
    blocks: u64,
    block_bytes: u64,
    /// Pages of the exchange heap.
    block_pages: u64,
    /// Windows and stacks.
    slots: u64,
    /// Frames that nobody has, or that the kernel's heap has.
    frames: u64,
    /// Bytes in use of the kernel's heap.
    heap_bytes: u64,
}

impl Sums {
    /// What probe and injector say.
    pub(crate) fn of(totals: &BlockTotals, memory: &MemorySums, kept: &Kept) -> Self {
        Sums {
            processes: kept.processes,
            channels: memory.channels,
            blocks: totals.blocks,
            block_bytes: totals.bytes,
            block_pages: totals.mapped,
            slots: kept.slots,
            frames: memory.free_frames + kept.heap_frames,
            heap_bytes: memory.kernel_heap - memory.faults - kept.table_bytes,
        }
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

/// Runs a round that ends a process, and finds that the system then holds what it held before. All that was injected in it
/// has been recovered from then.
pub(crate) fn settles<T>(
    office: &mut Office,
    score: &mut Score,
    round: impl FnOnce(&mut Office, &mut Score) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let before = office.held()?;
    let injected = score.injected;
    let result = round(office, score)?;
    let after = mourn(office, &before)?;
    if after != before {
        rt::log!("before: {before:?}");
        rt::log!("after:  {after:?}");
        return Err(Trouble::Wrong("something is left of a process that ended"));
    }
    score.recovered += score.injected - injected;
    Ok(result)
}

/// What the system holds when it holds `before`, or a while later.
pub(crate) fn mourn(office: &mut Office, before: &Sums) -> Result<Sums, Trouble> {
    for _ in 0..MOURNING {
        if office.sums()? == *before {
            break;
        }
        office.rest();
    }
    office.sums()
}
