//! A server ends again and again, and is started again, while clients use it.

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::ping::PingPong;
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

/// From here on it is the undertaker that is told of the server's end.
pub(crate) fn take_over(office: &mut Office) -> Result<(), Trouble> {
    for sip in office.processes(SERVER)? {
        office.kill(sip)?;
    }
    while !office.processes(SERVER)?.is_empty() {
        office.rest();
    }
    office.server = Some(office.start(SERVER, "")?);
    office.rest();
    Ok(())
}

/// `crashes period=N count=N`: the server ends so often, each time after so many milliseconds. Says how many answers its clients
/// had in that time, and how many in the same time without an end.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let (period, count) = (Duration::from_millis(order.number("period")?), order.number("count")?);
    // One that has served as many clients has more memory than one that has not.
    serve(office, period, 1, |_| Ok(()))?;
    office.forget();
    let mut score = Score::default();
    let (calm, troubled) = settles(office, &mut score, |office, score| {
        let calm = serve(office, period, count, |_| Ok(()))?;
        let troubled = serve(office, period, count, |office| {
            let ended = office.server.take().ok_or(Trouble::Closed)?;
            office.kill(ended.sip)?;
            score.injected += 1;
            if office.end_of(ended)? != Exit::Killed {
                return Err(Trouble::Wrong("a process did not end as it was made to"));
            }
            score.detected += 1;
            office.server = Some(office.start(SERVER, "")?);
            Ok(())
        })?;
        Ok((calm, troubled))
    })?;
    let Score { injected, detected, recovered } = score;
    rt::log!(
        "fact crashes injected={injected} detected={detected} recovered={recovered} calm={calm} troubled={troubled} \
         period_ms={}",
        period.as_millis()
    );
    Ok(())
}

/// Has clients use the server for `count` periods, at the end of each of which something happens. Returns how many answers
/// they had.
fn serve(
    office: &mut Office,
    period: Duration,
    count: u64,
    mut happens: impl FnMut(&mut Office) -> Result<(), Trouble>,
) -> Result<u64, Trouble> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(begin(office)?);
    }
    for _ in 0..count {
        sleep_until(Instant::now() + period);
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
    Ok(answers)
}

fn begin(office: &mut Office) -> Result<(Patient, desk::Server<desk::Halted>), Trouble> {
    let patient = office.start("customer", "")?;
    let mut opposite = Opposite::of(office.pose()?);
    // It needs none, but all begin so.
    let (client, _server) = PingPong::channel()?;
    opposite.give(AnyEndpoint::new(client))?;
    Ok((patient, opposite.halted()?))
}
