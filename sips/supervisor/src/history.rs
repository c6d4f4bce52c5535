//! What a policy says about the ends of one process, one after the other.

use alloc::collections::VecDeque;
use core::time::Duration;

use contracts::Instant;
use contracts::restart::{Policy, Restart};
use contracts::sabotage::{Bug, planted};

/// How a process ended, as far as a policy looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It did what it was there for.
    Success,
    /// Anything else, also a start that was refused.
    Failure,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the policy does not ask for a restart.
    Leave,
    /// Start it again after this wait.
    Restart {
        /// The wait.
        after: Duration,
    },
    /// Nothing: it has ended too often.
    GiveUp,
}

/// The ends of a process that count. It holds as many as the policy allows at most.
#[derive(Clone, Debug)]
pub struct History {
    policy: Policy,
    ends: VecDeque<Instant>,
}

impl History {
    /// No end yet.
    pub fn new(policy: Policy) -> Self {
        History { policy, ends: VecDeque::new() }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Forgets all ends.
    pub fn clear(&mut self) {
        self.ends.clear();
    }

    /// What is to be done about an end at `now`, which is not before the one before.
    pub fn ended(&mut self, end: End, now: Instant) -> Verdict {
        let called_for = match self.policy.restart {
            Restart::Never => false,
            Restart::OnFailure => end == End::Failure,
            Restart::Always => true,
        };
        if !called_for {
            return Verdict::Leave;
        }
        while self.ends.front().is_some_and(|earlier| now - *earlier >= self.policy.give_up_within) {
            self.ends.pop_front();
        }
        self.ends.push_back(now);
        let ends = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        if ends >= self.policy.give_up_after && !planted(Bug::NeverGivenUp) {
            self.ends.clear();
            return Verdict::GiveUp;
        }
        let wait = if planted(Bug::NoBackOff) { Duration::ZERO } else { self.policy.wait(ends) };
        Verdict::Restart { after: wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    fn policy(restart: Restart) -> Policy {
        Policy {
            restart,
            back_off: Duration::from_millis(100),
            back_off_cap: Duration::from_millis(400),
            give_up_after: 5,
            give_up_within: Duration::from_secs(10),
        }
    }

    fn restart(milliseconds: u64) -> Verdict {
        Verdict::Restart { after: Duration::from_millis(milliseconds) }
    }

    #[test]
    fn the_policy_says_after_which_ends_a_process_is_started_again() {
        let verdicts =
            |restart| [End::Success, End::Failure].map(|end| History::new(policy(restart)).ended(end, at(0)));
        assert_eq!(verdicts(Restart::Never), [Verdict::Leave, Verdict::Leave]);
        assert_eq!(verdicts(Restart::OnFailure), [Verdict::Leave, restart(100)]);
        assert_eq!(verdicts(Restart::Always), [restart(100), restart(100)]);
    }

    #[test]
    fn a_process_that_fails_again_and_again_waits_longer_and_is_given_up() {
        let mut history = History::new(policy(Restart::OnFailure));
        let verdicts = [0, 200, 500, 1000, 1500].map(|now| history.ended(End::Failure, at(now)));
        assert_eq!(verdicts, [restart(100), restart(200), restart(400), restart(400), Verdict::GiveUp]);
    }

    #[test]
    fn an_end_that_is_long_past_counts_no_more() {
        let mut history = History::new(policy(Restart::OnFailure));
        let verdicts = [0, 9_999, 10_000, 19_998, 100_000].map(|now| history.ended(End::Failure, at(now)));
        assert_eq!(verdicts, [restart(100), restart(200), restart(200), restart(400), restart(100)]);
        // A success that calls for nothing does not count either.
        history.ended(End::Success, at(100_001));
        assert_eq!(history.ended(End::Failure, at(100_002)), restart(200));
        history.clear();
        assert_eq!(history.ended(End::Failure, at(100_003)), restart(100));
    }

    proptest! {
        /// Whatever the times: given up exactly when so many ends lie within the time, and never more waits than allowed.
        #[test]
        fn a_process_is_given_up_exactly_when_its_ends_are_too_close(
            gaps in prop::collection::vec(0u64..4_000, 1..60),
        ) {
            let policy = policy(Restart::Always);
            let mut history = History::new(policy);
            let (mut now, mut counted) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                counted.push(now);
                counted.retain(|end| now - end < 10_000);
                let verdict = history.ended(End::Success, at(now));
                let count = counted.len() as u32;
                if count >= policy.give_up_after {
                    prop_assert_eq!(verdict, Verdict::GiveUp);
                    counted.clear();
                } else {
                    prop_assert_eq!(verdict, Verdict::Restart { after: policy.wait(count) });
                }
                prop_assert!(history.ends.len() < policy.give_up_after as usize);
            }
        }
    }
}
