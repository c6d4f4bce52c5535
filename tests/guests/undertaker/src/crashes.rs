//! A server ends again and again, and is started again, while clients use it.

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::supervisor::{Condition, WatchedProcess};
use contracts::spec::system::Exit;
use contracts::time::sleep_until;
use contracts::{AnyEndpoint, Contract, Instant};
use trial::desk::desk;
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite, Patient};
use crate::orders::Order;

/// What the clients use.
const SERVER: &str = "pong";
const CLIENTS: usize = 3;

/// How long the server may be down.
const SOON: Duration = Duration::from_millis(100);

/// `crashes period=N count=N`: the server ends so often, each time after so many milliseconds, and the supervisor starts it again.
/// Says how many answers its clients had in that time, and how many without an end.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let (period, count) = (Duration::from_millis(order.number("period")?), order.number("count")?);
    // One that has served as many clients has more memory than one that has not, and who has started it again, too.
    serve(office, period, 2, |office| crash(office, &mut Score::default()))?;
    office.forget();
    let mut score = Score::default();
    let (calm, troubled) = settles(office, &mut score, |office, score| {
        let calm = serve(office, period, count, |_| Ok(()))?;
        let troubled = serve(office, period, count, |office| crash(office, score))?;
        Ok((calm, troubled))
    })?;
    let Score { injected, detected, recovered } = score;
    rt::log!(
        "fact crashes injected={injected} detected={detected} recovered={recovered} calm={} calm_us={} troubled={} \
         troubled_us={} period_ms={}",
        calm.answers,
        calm.took.as_micros(),
        troubled.answers,
        troubled.took.as_micros(),
        period.as_millis()
    );
    Ok(())
}

/// The server ends, and is started again.
fn crash(office: &mut Office, score: &mut Score) -> Result<(), Trouble> {
    let WatchedProcess { sip, restarts, .. } = office.fares(SERVER)?;
    office.kill(sip)?;
    score.injected += 1;
    let deadline = Instant::now() + SOON;
    while office.fares(SERVER)?.restarts == restarts || office.fares(SERVER)?.condition != Condition::Runs {
        if Instant::now() > deadline {
            return Err(Trouble::Wrong("a server is not started again"));
        }
        office.rest();
    }
    score.detected += 1;
    Ok(())
}

/// What clients had of the server.
struct Served {
    answers: u64,
    /// From the first client's start to the last one's end.
    took: Duration,
}

/// Has clients use the server for `count` periods, at the end of each of which something happens.
fn serve(
    office: &mut Office,
    period: Duration,
    count: u64,
    mut happens: impl FnMut(&mut Office) -> Result<(), Trouble>,
) -> Result<Served, Trouble> {
    let began = Instant::now();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(begin(office)?);
    }
    let mut end = Instant::now();
    for _ in 0..count {
        end = end + period;
        sleep_until(end);
        happens(office)?;
    }
    // With the last one, too, all of them talk.
    sleep_until(Instant::now() + period);
    let mut answers = 0;
    for (patient, halted) in clients {
        let Ok(desk::ServerPlaying::Done { received }) = halted.resume().receive_by(Office::soon()) else {
            return Err(Trouble::Wrong("a client of a server that ended waits for good"));
        };
        answers += received;
        if office.end_of(patient)? != Exit::Success {
            return Err(Trouble::Wrong("a client did not end well"));
        }
    }
    Ok(Served { answers, took: Instant::now().saturating_since(began) })
}

fn begin(office: &mut Office) -> Result<(Patient, desk::Server<desk::Halted>), Trouble> {
    let patient = office.start("customer", "")?;
    let mut opposite = Opposite::of(office.pose()?);
    // It needs none, but all begin so.
    let (client, _server) = PingPong::channel()?;
    opposite.give(AnyEndpoint::new(client))?;
    Ok((patient, opposite.halted()?))
}
