//! A process runs into each of its limits, and is told so by an error, or ends.

use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract, ExBox};
use trial::desk::desk;
use trial::echo::{Echo, echo};
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::{Office, Opposite};
use crate::orders::Order;

/// A limit of the process `modest`, and how much of it there is at least and at most.
struct Limit {
    name: &'static str,
    least: u64,
    most: u64,
}

const fn limit(name: &'static str, least: u64, most: u64) -> Limit {
    Limit { name, least, most }
}

const LIMITS: &[Limit] = &[
    // Of two pages each.
    limit("blocks", 8, 8),
    // One is to the desk.
    limit("channels", 11, 11),
    // One is the first.
    limit("threads", 3, 3),
    // Of five pages each, beside image, stack and what the heap needs for itself.
    limit("memory", 40, 50),
    limit("gift", 40 << 10, 40 << 10),
    limit("time", 0, 0),
];

/// Messages of the bystanders in a tick.
const PACE: u64 = 100;

/// `limits laps=N`: each so many times.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let laps = order.number("laps")?;
    let bystanders = Bystanders::begin(office, PACE)?;
    for limit in LIMITS {
        let mut score = Score::default();
        // Who is asked for the first time makes room that is kept.
        run_into(office, &mut Score::default(), limit)?;
        office.forget();
        for _ in 0..laps {
            settles(office, &mut score, |office, score| run_into(office, score, limit))?;
        }
        let Score { injected, detected, recovered } = score;
        rt::log!(
            "fact limits limit={} injected={injected} detected={detected} recovered={recovered}",
            limit.name
        );
    }
    bystanders.end(office)
}

fn run_into(office: &mut Office, score: &mut Score, limit: &Limit) -> Result<(), Trouble> {
    let patient = office.start_planted("modest", limit.name)?;
    let mut opposite = Opposite::of(office.pose()?);
    let (client, server) = Echo::channel()?;
    opposite.give(AnyEndpoint::new(client))?;
    score.injected += 1;
    if limit.name == "gift" {
        give(server)?;
    }
    let playing = opposite.playing.take().ok_or(Trouble::Closed)?;
    let taken = match playing.receive_by(Office::soon()) {
        Ok(desk::ServerPlaying::Done { received }) => Some(received),
        _ => None,
    };
    let is_kept = match (office.end_of(patient)?, taken) {
        (Exit::Success, Some(taken)) => limit.most > 0 && (limit.least..=limit.most).contains(&taken),
        (Exit::Time, None) => limit.most == 0,
        _ => false,
    };
    if !is_kept {
        rt::log!("{}: {taken:?}", limit.name);
        return Err(Trouble::Wrong("a process did not keep to a limit"));
    }
    score.detected += 1;
    Ok(())
}

/// Gives back a copy of a block, as large.
fn give(server: echo::Server<echo::Idle>) -> Result<(), Trouble> {
    let Ok(echo::ServerIdle::Copy { block, next }) = server.receive_by(Office::soon()) else {
        return Err(Trouble::Wrong("a message is not what was sent"));
    };
    let waiting = next.copied(ExBox::copy_of(&block)?);
    drop(block);
    // Until it has closed.
    match waiting.receive_by(Office::soon()) {
        Ok(_) => Err(Trouble::Wrong("a message is not what was sent")),
        Err(_) => Ok(()),
    }
}
