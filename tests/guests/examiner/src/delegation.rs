//! Endpoints that travel, sessions that change their server, and servers that speak first.

use alloc::vec::Vec;

use contracts::{Closed, Contract, ExBox};
use trial::assist::{Greeter, Then, assist, greeter};
use trial::line::own_number;
use trial::tally::{Tally, tally};
use trial::trouble::Trouble;
use trial::walk::{Traveller, Walk, Walker, walk};

use crate::hall::{Check, Hall, done, holds};

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("delegation_keeps_its_place", keeps_its_place),
    ("delegation_abandoned_in_flight", abandoned_in_flight),
    ("sessions_handed_to_a_worker", handed_to_a_worker),
    ("server_speaks_first", server_speaks_first),
];

/// Walks whose client's end goes to the assistant in a message, comes back in a struct, and goes there again in a block,
/// each time one step further. The server's ends stay here.
fn keeps_its_place(hall: &mut Hall) -> Result<(), Trouble> {
    let (me, assistant_number) = (own_number(), hall.provider("assistant")?);
    let mut assistant = hall.assistant()?;
    let (mut servers, mut travellers) = (Vec::new(), Vec::new());
    for number in 0..3 {
        let (client, server) = Walk::channel()?;
        let carrying = assistant.carry(number, client);
        let walk::ServerFirst::One { by, next } = server.receive()?;
        holds(by == assistant_number, "whoever was given the end takes the next step")?;
        let server = next.go();
        let assist::ClientCarrying::Carried { walker: Walker { number: same, walk }, next } =
            carrying.receive()?;
        holds(same == number, "the struct arrives whole")?;
        let walking = walk.two(me);
        let walk::ServerSecond::Two { by, next: server } = server.receive()?;
        holds(by == me, "the step after is taken by whom it came back to")?;
        let server = server.go_on();
        let walk::ClientAfterTwo::GoOn { next: walk } = walking.receive()?;
        let luggage = ExBox::from_fn(1000, |_| number as u8)?;
        travellers.push(Traveller { luggage, walk });
        servers.push(server);
        assistant = next;
    }
    let mut travellers = travellers.into_iter();
    let block = ExBox::from_fn(travellers.len(), |_| travellers.next().expect("as many as it was told"))?;
    let finishing = assistant.finish(block);
    for (number, server) in (0..).zip(servers) {
        let walk::ServerThird::Three { by, luggage } = server.receive()?;
        holds(by == assistant_number, "an endpoint in a block is used by the block's owner")?;
        holds(luggage.len() == 1000 && luggage.iter().all(|byte| *byte == number), "and so is a block")?;
    }
    done(finishing).map(drop).map_err(Trouble::from)
}

/// Endpoints and blocks in a message that nobody will receive are closed and freed.
fn abandoned_in_flight(hall: &mut Hall) -> Result<(), Trouble> {
    let before = hall.totals()?;
    let mut assistant = hall.assistant()?;
    let (client, server) = Walk::channel()?;
    let carrying = assistant.carry(0, client);
    let walk::ServerFirst::One { next: server, .. } = server.receive()?;
    let server = server.go();
    let assist::ClientCarrying::Carried { walker, next } = carrying.receive()?;
    assistant = next;
    let walking = walker.walk.two(0);
    let walk::ServerSecond::Two { next: server, .. } = server.receive()?;
    let server = server.go_on();
    let walk::ClientAfterTwo::GoOn { next: walk } = walking.receive()?;
    let mut traveller = Some(Traveller { luggage: ExBox::zeroed(5000)?, walk });
    let block = ExBox::from_fn(1, |_| traveller.take().expect("there is one"))?;
    // A channel of which both ends are here: what is sent is in flight until the other end is dropped.
    let (giver, taker) = trial::assist::Assist::channel()?;
    let giver = giver.finish(block);
    drop((giver, taker));
    holds(matches!(server.receive(), Err(Closed)), "the endpoint in the block was closed")?;
    drop(assistant);
    let after = hall.totals()?;
    holds((after.blocks, after.bytes) == (before.blocks, before.bytes), "the blocks were freed")
}

/// The porter hears the first message of each session; the assistant answers it and all that follow.
fn handed_to_a_worker(hall: &mut Hall) -> Result<(), Trouble> {
    let (porter, worker) = (hall.provider("porter")?, hall.provider("assistant")?);
    holds(porter != worker, "who accepts and who serves are two processes")?;
    let mut opening = Vec::new();
    for account in 0..20 {
        // The porter has all first messages before it is heard of any.
        opening.push(hall.connect::<Tally>("porter")?.open(1000 * account));
    }
    let mut sessions = Vec::new();
    for client in opening {
        let tally::ClientOpening::Opened { by, next } = client.receive()?;
        holds(by == worker, "the worker answers the first message")?;
        sessions.push(next);
    }
    for round in 1..=10 {
        let mut next = Vec::new();
        for (account, client) in (0..).zip(sessions) {
            let client = client.put(1).map_err(|_| Trouble::Closed)?;
            let tally::ClientSumming::Sum { sum, next: client } = client.ask().receive()?;
            holds(sum == 1000 * account + round, "each session keeps what is its own")?;
            next.push(client);
        }
        sessions = next;
    }
    Ok(())
}

/// The client makes the channel and sends the server's end, which may travel as it sends next.
fn server_speaks_first(hall: &mut Hall) -> Result<(), Trouble> {
    let assistant_number = hall.provider("assistant")?;
    let (mut client, server) = Greeter::channel()?;
    let assistant = done(hall.assistant()?.greet(server))?;
    for _ in 0..3 {
        let greeter::ClientSilent::Welcome { by, next } = client.receive()?;
        holds(by == assistant_number, "the server speaks without having been asked")?;
        client = next.thanks(Then::Welcome);
    }
    let greeter::ClientSilent::Welcome { next, .. } = client.receive()?;
    holds(matches!(next.thanks(Then::Close).receive(), Err(Closed)), "the server may also close")?;
    drop(assistant);
    Ok(())
}
