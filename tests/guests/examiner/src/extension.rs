//! Clients of a contract and servers of one that extends it.

use contracts::spec::directory::ConnectError;
use contracts::spec::ping::PingPong;
use contracts::{Contract, Endpoint, TrySendError};
use trial::ahead::NumberedPingPong;
use trial::tally::{RichTally, Tally, rich_tally, tally};
use trial::trouble::Trouble;

use crate::hall::{Answer, Check, Hall, holds};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("extension_serves_a_base_client_of_a_manifest", base_client_of_a_manifest),
    ("extension_serves_a_base_client_of_the_directory", base_client_of_the_directory),
    ("extension_serves_its_own_client", own_client),
    ("extension_serves_both_at_once", both_at_once),
    ("extension_two_windows", two_windows),
    ("extension_not_served_by_the_base", not_served_by_the_base),
];

fn open(client: tally::Client<tally::Start>, sum: u64) -> Result<tally::Client<tally::Ready>, Trouble> {
    let tally::ClientOpening::Opened { next, .. } = client.open(sum).receive()?;
    Ok(next)
}

fn open_rich(
    client: rich_tally::Client<rich_tally::Start>,
    sum: u64,
) -> Result<rich_tally::Client<rich_tally::Ready>, Trouble> {
    let rich_tally::ClientOpening::Opened { next, .. } = client.open(sum).receive()?;
    Ok(next)
}

/// Puts more numbers than the channel has slots, and asks for their sum.
fn add_up(mut client: tally::Client<tally::Ready>, sum: u64) -> Result<tally::Client<tally::Ready>, Trouble> {
    for number in 0..200 {
        client = client.put(number).map_err(|_| Trouble::Closed)?;
    }
    let tally::ClientSumming::Sum { sum: answer, next } = client.ask().receive()?;
    holds(answer == sum + 199 * 200 / 2, "the server of the extension reads what the base's client sent")?;
    Ok(next)
}

fn base_client_of_a_manifest(hall: &mut Hall) -> Result<(), Trouble> {
    let porter = hall.porter()?;
    let client = open(porter, 5)?;
    let client = add_up(client, 5)?;
    add_up(client, 5 + 199 * 200 / 2).map(drop)
}

fn base_client_of_the_directory(hall: &mut Hall) -> Result<(), Trouble> {
    let client = hall.connect::<Tally>("porter")?;
    let fingerprint = client.as_raw().fingerprint();
    holds(fingerprint == Tally::FINGERPRINT, "the channel is the client's")?;
    add_up(open(client, 7)?, 7).map(drop)
}

fn own_client(hall: &mut Hall) -> Result<(), Trouble> {
    let client = open_rich(hall.connect::<RichTally>("porter")?, 1)?;
    let client = client.put_many([2; 100]).map_err(|_| Trouble::Closed)?;
    let client = client.put(3).map_err(|_| Trouble::Closed)?;
    let mut listing = client.list();
    let (mut count, mut sum) = (0, 0);
    loop {
        listing = match listing.receive()? {
            rich_tally::ClientListing::Element { copies, next } => {
                holds(copies.iter().all(|copy| *copy == copies[0]), "a large message is whole")?;
                (count, sum) = (count + 1, sum + copies[0]);
                next
            }
            rich_tally::ClientListing::Listed { .. } => break,
        };
    }
    holds((count, sum) == (102, 1 + 200 + 3), "all numbers are told again")
}

/// One server, one set: sessions of either kind take turns.
fn both_at_once(hall: &mut Hall) -> Result<(), Trouble> {
    let mut old = open(hall.connect::<Tally>("porter")?, 0)?;
    let mut new = open_rich(hall.connect::<RichTally>("porter")?, 0)?;
    for round in 1..=50 {
        old = old.put(1).map_err(|_| Trouble::Closed)?;
        new = new.put_many([1; 100]).map_err(|_| Trouble::Closed)?;
        let (asked, asked_too) = (old.ask(), new.ask());
        let tally::ClientSumming::Sum { sum, next } = asked.receive()?;
        let rich_tally::ClientSumming::Sum { sum: large, next: next_too } = asked_too.receive()?;
        holds((sum, large) == (round, 100 * round), "each session has its own sum")?;
        (old, new) = (next, next_too);
    }
    Ok(())
}

/// Two streams share a direction: what counts for a window is all that is in flight.
fn two_windows(hall: &mut Hall) -> Result<(), Trouble> {
    let mut client = open_rich(hall.connect::<RichTally>("porter")?, 0)?;
    for number in 0..3 {
        client = client.try_put(number).map_err(|_| Trouble::Closed)?;
    }
    let Err(TrySendError::Full(mut client, _)) = client.try_put(3) else {
        return Err(Trouble::Wrong("the small window is full"));
    };
    for _ in 3..20 {
        client = client.try_put_many([1; 100]).map_err(|_| Trouble::Closed)?;
    }
    let Err(TrySendError::Full(client, unsent)) = client.try_put_many([7; 100]) else {
        return Err(Trouble::Wrong("the large window had the rest of its room"));
    };
    holds(unsent.numbers == [7; 100], "the message comes back")?;
    // What is no stream's needs no window.
    let rich_tally::ClientSumming::Sum { sum, .. } = client.ask().receive()?;
    holds(sum == 1 + 2 + 17 * 100, "all of it arrives")
}

fn not_served_by_the_base(hall: &mut Hall) -> Result<(), Trouble> {
    match hall.lookup("pong", NumberedPingPong::FINGERPRINT)? {
        Answer::Refused(error) => holds(error == ConnectError::Mismatch, "it is refused for its contract")?,
        Answer::Found(_) | Answer::Unknown => {
            return Err(Trouble::Wrong("a client of the extension is refused"));
        }
    }
    hall.connect::<PingPong>("pong").map(drop)
}
