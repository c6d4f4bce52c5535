//! Processes end in every way that there is, and all is said of it that there is to say.

use alloc::{format, vec};

use contracts::spec::system::Exit;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::{Death, Office, Patient};
use crate::orders::Order;
use crate::ways::{Process, Way, ways};

/// `deaths laps=N of=KIND`: each way so many times whose name begins so, with `_` for a blank, one after the other, while
/// bystanders talk.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let laps = order.number("laps")?;
    let bystanders = Bystanders::begin(office, PACE)?;
    let of = order.text("of")?.replace('_', " ");
    let ways = ways(&of);
    let mut scores = vec![Score::default(); ways.len()];
    for way in &ways {
        // Who is asked for the first time makes room that is kept.
        die(office, &mut Score::default(), way)?;
    }
    office.forget();
    for _ in 0..laps {
        for (way, score) in ways.iter().zip(&mut scores) {
            let died = settles(office, score, |office, score| die(office, score, way));
            died.inspect_err(|_| rt::log!("{}", way.name))?;
        }
    }
    bystanders.end(office)?;
    keeps_the_last_records(office)?;
    for (way, Score { injected, detected, recovered }) in ways.iter().zip(scores) {
        rt::log!(
            "fact deaths injected={injected} detected={detected} recovered={recovered} way={}",
            way.name.replace(' ', "_")
        );
    }
    Ok(())
}

fn die(office: &mut Office, score: &mut Score, way: &Way) -> Result<(), Trouble> {
    let patient = match way.process {
        Process::Kept(name) => office.start(name, &way.argument)?,
        Process::FromFile(name) => office.start_file(name, &way.argument)?,
    };
    score.injected += 1;
    if way.exit == Exit::Killed {
        // Until it waits, or its threads share the core.
        office.rest();
        office.rest();
        office.kill(patient.sip)?;
    }
    let Patient { sip, .. } = patient;
    let Death { exit, message, fault } = office.death_of(patient)?;
    if exit != way.exit || !message.starts_with(way.says) {
        rt::log!("{}: {exit:?}: {}", way.name, &*message);
        return Err(Trouble::Wrong("a process did not end as it was made to"));
    }
    match (exit, fault) {
        (Exit::Success, 0) => {}
        (Exit::Success, _) => return Err(Trouble::Wrong("a success has a record")),
        (_, 0) => return Err(Trouble::Wrong("a failure has no record")),
        _ => is_recorded(
            way,
            &office.record(fault)?,
            &format!("{} ({sip}) {}", way.process.name(), exit.saying(&message)),
        )?,
    }
    score.detected += 1;
    Ok(())
}

/// Messages of the bystanders in a tick.
const PACE: u64 = 100;

/// Finds that a record says all there is to say.
fn is_recorded(way: &Way, record: &str, first: &str) -> Result<(), Trouble> {
    let last = ["channels:\n", "last log lines:\n"];
    let is_whole = record.lines().next() == Some(first)
        && way.record.iter().chain(&last).all(|text| record.contains(text));
    if is_whole {
        return Ok(());
    }
    record.lines().for_each(|line| rt::log!("{}| {line}", way.name));
    Err(Trouble::Wrong("a record does not say what happened"))
}

/// Records that are kept.
const MOST_RECORDS: usize = 64;

/// There are as many records as are kept, and they are the last ones.
fn keeps_the_last_records(office: &mut Office) -> Result<(), Trouble> {
    let kept = office.records()?;
    let is_in_order = kept.windows(2).all(|two| two[1] == two[0] + 1);
    match kept.last() {
        Some(last) if is_in_order && kept.len() == MOST_RECORDS.min(*last as usize) => Ok(()),
        _ => Err(Trouble::Wrong("other records are kept than the last ones")),
    }
}
