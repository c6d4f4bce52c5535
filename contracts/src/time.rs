//! Points in time, for deadlines.

use core::ops::{Add, Sub};
use core::time::Duration;

use crate::binding;

/// A point in time: nanoseconds since the system started, or on a host since the process first asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The present.
    pub fn now() -> Instant {
        binding::now()
    }

    /// The point `nanoseconds` after the start.
    pub const fn from_nanos(nanoseconds: u64) -> Instant {
        Instant(nanoseconds)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to here, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// The far end of time, some 584 years after the start, is as late as it gets.
    fn add(self, duration: Duration) -> Instant {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(nanoseconds))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Blocks the calling thread until `deadline`. The resolution is a tick of the kernel's timer, 4 ms.
pub fn sleep_until(deadline: Instant) {
    binding::sleep_until(deadline);
}
