//! Receiving with a deadline, and without waiting.

use core::time::Duration;

use contracts::{Closed, Contract, EndpointSet, Instant, ReceiveByError, TryReceiveError};
use trial::assist::{Greeter, Then, assist, greeter};
use trial::trouble::Trouble;

use crate::hall::{Check, Hall, done, holds};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("deadline_gives_the_endpoint_back", gives_the_endpoint_back),
    ("deadline_not_waited_for", not_waited_for),
    ("deadline_and_a_close", deadline_and_a_close),
    ("receive_without_waiting", without_waiting),
    ("deadline_of_a_set", deadline_of_a_set),
];

/// Long enough that a test which waits for it has failed.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(20);

pub(crate) fn released(
    holding: assist::Client<assist::Holding>,
) -> Result<assist::Client<assist::Ready>, Closed> {
    let assist::ClientHolding::Released { next } = holding.receive()?;
    Ok(next)
}

/// A channel to the assistant on which it has said welcome.
pub(crate) fn greeted(hall: &mut Hall) -> Result<greeter::Client<greeter::Greeted>, Trouble> {
    let (client, server) = Greeter::channel()?;
    drop(done(hall.assistant()?.greet(server))?);
    let greeter::ClientSilent::Welcome { next, .. } = client.receive()?;
    Ok(next)
}

fn gives_the_endpoint_back(hall: &mut Hall) -> Result<(), Trouble> {
    let mut holding = hall.assistant()?.hold();
    for _ in 0..3 {
        let deadline = Instant::now() + SHORT;
        holding = match holding.receive_by(deadline) {
            Err(ReceiveByError::TimedOut(holding)) => holding,
            _ => return Err(Trouble::Wrong("nobody has answered")),
        };
        holds(Instant::now() >= deadline, "it waits until the deadline")?;
    }
    drop(done(hall.assistant()?.release())?);
    let client = released(holding)?;
    // It is as good as before.
    let holding = client.hold();
    drop(done(hall.assistant()?.release())?);
    released(holding).map(drop).map_err(Trouble::from)
}

fn not_waited_for(hall: &mut Hall) -> Result<(), Trouble> {
    let start = Instant::now();
    let resting = hall.assistant()?.rest(SHORT.as_nanos() as u64);
    let Ok(assist::ClientBusy::Done { next }) = resting.receive_by(start + NEVER) else {
        return Err(Trouble::Wrong("a message ends the wait"));
    };
    holds(Instant::now() < start + NEVER, "the deadline is not waited for")?;
    // What is there is received however late it is.
    let holding = next.hold();
    drop(done(hall.assistant()?.release())?);
    let Ok(assist::ClientHolding::Released { .. }) = holding.receive_by(Instant::from_nanos(0)) else {
        return Err(Trouble::Wrong("a message that is there is received"));
    };
    Ok(())
}

fn deadline_and_a_close(hall: &mut Hall) -> Result<(), Trouble> {
    let start = Instant::now();
    let silent = greeted(hall)?.thanks(Then::Close);
    let closed = matches!(silent.receive_by(start + NEVER), Err(ReceiveByError::Closed));
    holds(closed && Instant::now() < start + NEVER, "a close ends the wait")
}

fn without_waiting(hall: &mut Hall) -> Result<(), Trouble> {
    let mut holding = hall.assistant()?.hold();
    for _ in 0..100 {
        holding = match holding.try_receive() {
            Err(TryReceiveError::Empty(holding)) => holding,
            _ => return Err(Trouble::Wrong("nobody has answered")),
        };
    }
    drop(done(hall.assistant()?.release())?);
    let Ok(assist::ClientHolding::Released { .. }) = holding.try_receive() else {
        return Err(Trouble::Wrong("a message that is there is received"));
    };
    let silent = greeted(hall)?.thanks(Then::Close);
    let Err(TryReceiveError::Empty(silent)) = silent.try_receive() else {
        return Err(Trouble::Wrong("the assistant has not run yet"));
    };
    // By the time of an answer the assistant has closed, too.
    drop(done(hall.assistant()?.rest(0))?);
    holds(matches!(silent.try_receive(), Err(TryReceiveError::Closed)), "a close is found without waiting")
}

fn deadline_of_a_set(hall: &mut Hall) -> Result<(), Trouble> {
    let mut set = EndpointSet::new()?;
    for number in 0..3 {
        set.insert(hall.assistant()?.hold(), number);
    }
    holds(set.try_receive().is_none(), "nobody has answered")?;
    let deadline = Instant::now() + SHORT;
    holds(set.receive_by(deadline).is_none() && Instant::now() >= deadline, "it waits until the deadline")?;
    holds(set.len() == 3, "the members are still there")?;
    drop(done(hall.assistant()?.release())?);
    for _ in 0..3 {
        let Some(event) = set.receive_by(Instant::now() + NEVER) else {
            return Err(Trouble::Wrong("a message ends the wait"));
        };
        holds(event.received.is_ok(), "each member receives")?;
    }
    holds(set.is_empty(), "each once")
}
