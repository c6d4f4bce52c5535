//! `select!` over endpoints that have nothing in common.

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, Instant, select};
use trial::assist::{Then, assist};
use trial::trouble::Trouble;

use crate::hall::{Check, Hall, done, holds};
use crate::waiting::{NEVER, greeted, released};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("select_unlike_endpoints", unlike_endpoints),
    ("select_waits", waits),
    ("select_until_a_deadline", until_a_deadline),
    ("select_in_turn", in_turn),
];

fn seat(hall: &mut Hall) -> Result<ping_pong::Client<ping_pong::Idle>, Trouble> {
    match hall.assistant()?.sit().receive()? {
        assist::ClientSitting::Seated { seat, .. } => Ok(seat),
        assist::ClientSitting::NoSeat { .. } => Err(Trouble::Exhausted),
    }
}

/// Three endpoints of three contracts. Each arm runs for its own message or its own close, the others are untouched.
fn unlike_endpoints(hall: &mut Hall) -> Result<(), Trouble> {
    let helper = hall.assistant()?;
    let mut pinging = seat(hall)?.ping(1);
    let mut silent = greeted(hall)?.thanks(Then::Close);
    let mut holding = hall.assistant()?.hold();
    // Pings are answered at once, the greeter closes, and the third has nothing yet.
    let mut pongs = 0;
    loop {
        pongs += 1;
        holds(pongs < 10, "no endpoint is passed over for ever")?;
        (pinging, silent) = select! {
            received = pinging => {
                let ping_pong::ClientWaiting::Pong { value, next } = received?;
                holds(value == pongs, "the pong belongs to the ping")?;
                (next.ping(pongs + 1), silent)
            }
            received = silent => {
                holds(matches!(received, Err(Closed)), "it closes without a word")?;
                break;
            }
            _ = holding => return Err(Trouble::Wrong("nobody has answered it")),
        };
    }
    // The other two go on as if nothing had happened.
    let releasing = helper.release();
    let answer = loop {
        pongs += 1;
        holds(pongs < 20, "no endpoint is passed over for ever")?;
        (pinging, holding) = select! {
            received = pinging => {
                let ping_pong::ClientWaiting::Pong { value, next } = received?;
                (next.ping(value + 1), holding)
            }
            received = holding => break received?,
        };
    };
    let assist::ClientHolding::Released { .. } = answer;
    done(releasing).map(drop).map_err(Trouble::from)
}

/// Nothing is there: the process waits, and is woken by the one that comes.
fn waits(hall: &mut Hall) -> Result<(), Trouble> {
    let helper = hall.assistant()?;
    let resting = hall.assistant()?.rest(10_000_000);
    let holding = hall.assistant()?.hold();
    let holding = select! {
        received = resting => {
            drop(received?);
            holding
        }
        received = holding => return received.map(drop).map_err(Trouble::from),
    };
    drop(done(helper.release())?);
    released(holding).map(drop).map_err(Trouble::from)
}

fn until_a_deadline(hall: &mut Hall) -> Result<(), Trouble> {
    let helper = hall.assistant()?;
    let (one, other) = (hall.assistant()?.hold(), hall.assistant()?.hold());
    let deadline = Instant::now() + core::time::Duration::from_millis(20);
    select! {
        _ = one => return Err(Trouble::Wrong("nobody has answered")),
        _ = other => return Err(Trouble::Wrong("nobody has answered")),
        after deadline => holds(Instant::now() >= deadline, "the last arm runs when the deadline has passed")?,
    }
    let helper = done(helper.release())?;
    let came = select! {
        received = one => received.is_ok(),
        received = other => received.is_ok(),
        after Instant::now() + NEVER => false,
    };
    holds(came, "a message runs its arm and not the last one")?;
    drop(helper);
    Ok(())
}

/// Two endpoints, both ready whenever one looks. Their servers are here, too.
fn in_turn(_: &mut Hall) -> Result<(), Trouble> {
    const ROUNDS: u64 = 100;
    let ((one, server_of_one), (other, server_of_other)) = (PingPong::channel()?, PingPong::channel()?);
    let (mut one, mut other) = (one.ping(0), other.ping(0));
    let (mut server_of_one, mut server_of_other) = (answer(server_of_one)?, answer(server_of_other)?);
    let mut taken = [0; 2];
    for round in 0..ROUNDS {
        select! {
            received = one => {
                let ping_pong::ClientWaiting::Pong { next, .. } = received?;
                one = next.ping(round);
                server_of_one = answer(server_of_one)?;
                taken[0] += 1;
            }
            received = other => {
                let ping_pong::ClientWaiting::Pong { next, .. } = received?;
                other = next.ping(round);
                server_of_other = answer(server_of_other)?;
                taken[1] += 1;
            }
        }
    }
    holds(taken == [ROUNDS / 2; 2], "endpoints that are both ready are taken in turn")
}

fn answer(server: ping_pong::Server<ping_pong::Idle>) -> Result<ping_pong::Server<ping_pong::Idle>, Closed> {
    let ping_pong::ServerIdle::Ping { value, next } = server.receive()?;
    Ok(next.pong(value))
}
