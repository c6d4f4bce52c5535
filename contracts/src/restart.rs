//! What a supervisor does when a SIP has ended: the policy, as the SIP's manifest states it.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// After which ends a SIP is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Restart {
    /// After none.
    Never = 0,
    /// After each that is no success.
    OnFailure = 1,
    /// After each.
    Always = 2,
}

/// When a SIP is started again, how long that waits, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// After which ends.
    pub restart: Restart,
    /// The wait before the first restart. It doubles with each further end that calls for one.
    pub back_off: Duration,
    /// The longest wait.
    pub back_off_cap: Duration,
    /// How many ends that call for a restart are too many ...
    pub give_up_after: u32,
    /// ... when they come within this time. Older ones are forgotten, and no longer add to the wait.
    pub give_up_within: Duration,
}

/// The policy of a SIP whose manifest does not name one.
pub const DEFAULT: Policy = Policy {
    restart: Restart::OnFailure,
    back_off: Duration::from_millis(100),
    back_off_cap: Duration::from_secs(10),
    give_up_after: 5,
    give_up_within: Duration::from_secs(60),
};

impl Policy {
    /// The wait before a restart, when so many ends that call for one are remembered, the last included.
    pub fn wait(&self, ends: u32) -> Duration {
        let doubled = 1u32.checked_shl(ends.saturating_sub(1)).unwrap_or(u32::MAX);
        self.back_off.saturating_mul(doubled).min(self.back_off_cap)
    }

    /// Whether the policy can do what it says.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PolicyError> {
        if self.give_up_after == 0 {
            return Err(PolicyError::NeverTried);
        }
        if self.back_off > self.back_off_cap {
            return Err(PolicyError::CapBelowStart { back_off: self.back_off, cap: self.back_off_cap });
        }
        let (mut waits, within) = (Duration::ZERO, self.give_up_within);
        for ends in 1..self.give_up_after {
            let wait = self.wait(ends);
            let left = self.give_up_after - ends;
            // From here on all waits are the same: no need to add them up one by one.
            if wait == self.back_off_cap || wait.is_zero() {
                waits = waits.saturating_add(wait.saturating_mul(left));
                break;
            }
            waits = waits.saturating_add(wait);
        }
        if waits >= within {
            return Err(PolicyError::NeverGivenUp { ends: self.give_up_after, within, waits });
        }
        Ok(())
    }
}

/// Why a policy cannot do what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// It gives up after no end at all.
    NeverTried,
    /// The longest wait is shorter than the first.
    CapBelowStart {
        /// The first wait.
        back_off: Duration,
        /// The longest.
        cap: Duration,
    },
    /// The waits between so many ends take longer than the time in which they would have to come.
    NeverGivenUp {
        /// How many ends it gives up after.
        ends: u32,
        /// In which time.
        within: Duration,
        /// What the waits between them take.
        waits: Duration,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::NeverTried => f.write_str("it gives up after 0 ends; `restart: never` says so"),
            PolicyError::CapBelowStart { back_off, cap } => {
                write!(f, "the longest wait ({cap:?}) is shorter than the first ({back_off:?})")
            }
            PolicyError::NeverGivenUp { ends, within, waits } => write!(
                f,
                "it gives up after {ends} ends in {within:?}, but the waits between them take {waits:?}"
            ),
        }
    }
}

impl core::error::Error for PolicyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        let policy = Policy { back_off: MS(100), back_off_cap: MS(1000), ..DEFAULT };
        let waits = [1, 2, 3, 4, 5, 31, 33, u32::MAX].map(|ends| policy.wait(ends).as_millis());
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000, 1000, 1000]);
        assert_eq!(Policy { back_off: MS(0), ..policy }.wait(40), MS(0));
    }

    #[test]
    fn a_policy_that_cannot_do_what_it_says_is_refused() {
        let policy = |start, cap, ends, within| Policy {
            back_off: MS(start),
            back_off_cap: MS(cap),
            give_up_after: ends,
            give_up_within: MS(within),
            ..DEFAULT
        };
        let said =
            |policy: Policy| policy.check().map_or_else(|error| std::format!("{error}"), |()| "sane".into());
        assert_eq!(said(DEFAULT), "sane");
        // The waits between five ends: 100, 200, 400 and 400.
        assert_eq!(said(policy(100, 400, 5, 1101)), "sane");
        assert_eq!(
            said(policy(100, 400, 5, 1100)),
            "it gives up after 5 ends in 1.1s, but the waits between them take 1.1s"
        );
        assert_eq!(said(policy(0, 0, u32::MAX, 1)), "sane");
        assert_eq!(
            said(policy(1, 1, u32::MAX, 1000)),
            "it gives up after 4294967295 ends in 1s, but the waits between them take 4294967.294s"
        );
        assert_eq!(said(policy(1, 1, 0, 1)), "it gives up after 0 ends; `restart: never` says so");
        assert_eq!(said(policy(2, 1, 1, 1)), "the longest wait (1ms) is shorter than the first (2ms)");
    }
}
