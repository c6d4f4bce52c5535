//! A process ends again and again, and the supervisor starts it again ever later, and then no more.

use core::time::Duration;

use contracts::Instant;
use contracts::spec::supervisor::{Condition, WatchedProcess};
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::Office;
use crate::orders::Order;

/// It ends at once.
const MAYFLY: &str = "mayfly";
/// How long it is down after each of its ends, by its policy.
const WAITS: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(50)];
/// What a start, an end, and a look at them take, which is at a tick of the timer.
const SLACK: Duration = Duration::from_millis(16);
/// It is given up before.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits until all that the supervisor starts runs or is given up.
pub(crate) fn are_over(office: &mut Office) -> Result<(), Trouble> {
    while office.fares(MAYFLY)?.condition != Condition::GivenUp {
        if Instant::now() > Instant::from_nanos(0) + LONGEST {
            return Err(Trouble::Wrong("a process is started again that failed too often"));
        }
        office.rest();
    }
    Ok(())
}

/// `restarts laps=N`: so many times until it is given up.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut score = Score::default();
    for _ in 0..order.number("laps")? {
        settles(office, &mut score, fail_again_and_again)?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact restarts injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}

fn fail_again_and_again(office: &mut Office, score: &mut Score) -> Result<(), Trouble> {
    let WatchedProcess { restarts, .. } = office.fares(MAYFLY)?;
    office.restart(MAYFLY)?;
    score.injected += 1;
    let mut began = Instant::now();
    for (wait, number) in WAITS.into_iter().zip(restarts + 2..) {
        while office.fares(MAYFLY)?.restarts < number {
            if Instant::now() > began + wait + SLACK {
                return Err(Trouble::Wrong("a process is not started again"));
            }
            office.rest();
        }
        if Instant::now() < began + wait {
            return Err(Trouble::Wrong("a process is started again too soon"));
        }
        score.injected += 1;
        score.detected += 1;
        began = Instant::now();
    }
    while office.fares(MAYFLY)?.condition != Condition::GivenUp {
        if Instant::now() > began + LONGEST {
            return Err(Trouble::Wrong("a process is started again that failed too often"));
        }
        office.rest();
    }
    score.detected += 1;
    // As a victim, it has a channel to the desk, and has not come there.
    office.dismiss();
    Ok(())
}
