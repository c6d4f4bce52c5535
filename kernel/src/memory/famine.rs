//! Refuses memory to order, for the campaign of the tests.
//!
//! Or has it run out, so that what follows finds nothing but the reserve.
//!
//! Asked wherever memory can be refused for want of it: when something is admitted, when a frame is taken, when a block is
//! made. What the kernel has begun and takes from the reserve is never refused.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use contracts::spec::injector::Famine;

use super::{frames, heap};
use crate::sched;

/// The SIP that is starved, 0 for the kernel's threads.
static WHO: AtomicU32 = AtomicU32::new(NOBODY);
const NOBODY: u32 = u32::MAX;
/// How often memory is still given.
static LEFT: AtomicU64 = AtomicU64::new(0);
static IS_LASTING: AtomicBool = AtomicBool::new(false);
/// Whether memory is not refused, but drained.
static DRAINS: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Refuses memory to `sip` after it was given so often.
pub(crate) fn begin(sip: u32, after: u64, famine: Famine) {
    LEFT.store(after, Relaxed);
    IS_LASTING.store(famine == Famine::Lasting, Relaxed);
    DRAINS.store(famine == Famine::Drained, Relaxed);
    ASKED.store(0, Relaxed);
    REFUSED.store(0, Relaxed);
    WHO.store(sip, Relaxed);
}

/// Refuses nothing any more, and gives back what was drained. Returns how often memory was asked for since [`begin`], and how
/// often it was refused, or drained.
pub(crate) fn end() -> (u64, u64) {
    WHO.store(NOBODY, Relaxed);
    frames::refill();
    heap::empty_holes();
    (ASKED.load(Relaxed), REFUSED.load(Relaxed))
}

/// Whether the running thread does not get what it asks for.
pub(crate) fn refuses() -> bool {
    let who = WHO.load(Relaxed);
    if who == NOBODY || sched::current().shared().sip.load(Relaxed) != who {
        return false;
    }
    ASKED.fetch_add(1, Relaxed);
    let left = LEFT.load(Relaxed);
    let is_refused = left == 0 && (IS_LASTING.load(Relaxed) || REFUSED.load(Relaxed) == 0);
    LEFT.store(left.saturating_sub(1), Relaxed);
    REFUSED.fetch_add(u64::from(is_refused), Relaxed);
    if is_refused && DRAINS.load(Relaxed) {
        frames::drain();
        heap::fill_holes();
        return false;
    }
    is_refused
}
