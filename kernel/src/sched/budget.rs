//! What a SIP has had of the core, and what it may have.
//!
//! Time is counted by the timer's ticks that find a SIP running, so a share is kept in the mean, to a tick. A SIP that uses
//! more of a window of time than its share has broken its budget, which nothing that it does can answer: it ends.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

use contracts::sabotage::{Bug, planted};

/// Ticks in a window: a second of the timer.
pub const WINDOW_TICKS: u64 = 250;

/// The budget is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overrun;

/// The time of one SIP.
#[derive(Debug)]
pub struct Budget {
    /// Ticks since it started.
    total: AtomicU64,
    /// The number of the window that `used` is about.
    window: AtomicU64,
    used: AtomicU32,
    /// Ticks that it may have of a window.
    limit: u32,
}

impl Budget {
    /// A budget of `percent` of the core; 100 and more is no limit.
    pub const fn new(percent: u8) -> Budget {
        let limit = match percent {
            0..100 => percent as u32 * WINDOW_TICKS as u32 / 100,
            100.. => u32::MAX,
        };
        Budget { total: AtomicU64::new(0), window: AtomicU64::new(0), used: AtomicU32::new(0), limit }
    }

    /// Counts the tick number `now`, which found the SIP running.
    pub fn tick(&self, now: u64) -> Result<(), Overrun> {
        self.total.store(self.total.load(Relaxed) + 1, Relaxed);
        let window = now / WINDOW_TICKS;
        let before = if self.window.swap(window, Relaxed) == window { self.used.load(Relaxed) } else { 0 };
        self.used.store(before + 1, Relaxed);
        if before < self.limit || planted(Bug::UnlimitedTime) { Ok(()) } else { Err(Overrun) }
    }

    /// Ticks so far.
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_broken_by_the_first_tick_beyond_it_in_one_window() {
        let budget = Budget::new(20);
        let share = WINDOW_TICKS / 5;
        for window in 3..6 {
            for tick in 0..share {
                assert_eq!(
                    budget.tick(window * WINDOW_TICKS + tick * 2),
                    Ok(()),
                    "tick {tick} of window {window}"
                );
            }
        }
        assert_eq!(budget.tick(6 * WINDOW_TICKS - 1), Err(Overrun));
        assert_eq!(budget.total(), 3 * share + 1);
        assert_eq!(budget.tick(6 * WINDOW_TICKS), Ok(()), "a new window");
    }

    #[test]
    fn the_whole_core_is_no_limit() {
        let budget = Budget::new(100);
        assert!((0..3 * WINDOW_TICKS).all(|tick| budget.tick(tick) == Ok(())));
    }
}
