//! Asks `pong`, which ends again and again, until the undertaker says that it is enough. It never waits for long.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::ClientWaiting;
use contracts::{Closed, Instant};
use rt::reconnect::Reconnecting;
use trial::desk::Desk;
use trial::pose::Pose;
use trial::scenes::Stage;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { desk: Desk, pong: PingPong },
}

/// A service that is started again at once is there again after this time.
const LONGEST: Duration = Duration::from_secs(1);

fn main(grants: Grants) -> Result<(), Trouble> {
    let mut pong = Reconnecting::over(grants.ports.pong, grants.pong);
    let mut pose = Pose::new(grants.desk.here());
    drop(pose.take()?);
    pose.halt()?;
    let (mut answers, mut losses, mut longest) = (0, 0, Duration::ZERO);
    while !pose.may_go_on()? {
        let asked = Instant::now();
        while !is_answered(&mut pong, answers)? {
            losses += 1;
        }
        answers += 1;
        longest = longest.max(Instant::now().saturating_since(asked));
    }
    rt::log!("fact customer answers={answers} losses={losses} longest_us={}", longest.as_micros());
    if longest > LONGEST {
        return Err(Trouble::Wrong("a client waited too long"));
    }
    pose.done(answers)
}

/// Whether `pong` answered, and did not end over it.
fn is_answered(pong: &mut Reconnecting<PingPong>, number: u64) -> Result<bool, Trouble> {
    match pong.take()?.ping(number).receive() {
        Ok(ClientWaiting::Pong { value, next }) if value == number => {
            pong.put(next);
            Ok(true)
        }
        Ok(_) => Err(Trouble::Wrong("an answer is not what was asked for")),
        Err(Closed) => Ok(false),
    }
}
