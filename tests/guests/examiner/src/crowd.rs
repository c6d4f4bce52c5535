//! Sets of ten members and of ten thousand: what a message costs, and who is served when.

use alloc::vec;
use alloc::vec::Vec;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Contract, EndpointSet, Event};
use rt::clock::ticks;
use trial::assist::assist;
use trial::trouble::Trouble;

use crate::hall::{Check, Hall, holds};

pub(crate) const CHECKS: &[(&str, Check)] =
    &[("crowd_here", here), ("crowd_there", there), ("crowd_served_in_turn", served_in_turn)];

const FEW: usize = 10;
const MANY: usize = 10_000;
/// Measurements of which the least is one that no interrupt fell into.
const ROUNDS: usize = 2000;

type Client = ping_pong::Client<ping_pong::Idle>;
type Waiting = ping_pong::Client<ping_pong::Waiting>;
type Set = EndpointSet<ping_pong::Server<ping_pong::Idle>, usize>;

fn pong(waiting: Waiting) -> Result<Client, Trouble> {
    let ping_pong::ClientWaiting::Pong { next, .. } = waiting.receive()?;
    Ok(next)
}

/// A set with the servers of so many channels, and their clients.
fn crowd(members: usize) -> Result<(Set, Vec<Client>), Trouble> {
    let (mut set, mut clients) = (Set::new()?, Vec::with_capacity(members));
    for number in 0..members {
        let (client, server) = PingPong::channel()?;
        set.insert(server, number);
        clients.push(client);
    }
    Ok((set, clients))
}

/// Receives from any member and answers; which one it was.
fn serve(set: &mut Set) -> Result<usize, Trouble> {
    let Event { received, data } = set.receive();
    let ping_pong::ServerIdle::Ping { value, next } = received?;
    set.insert(next.pong(value), data);
    Ok(data)
}

/// A set in this process whose members' peers are here, too: what the set itself costs. First one member is ready at a
/// time, then all are.
fn here(_: &mut Hall) -> Result<(), Trouble> {
    for members in [FEW, MANY] {
        let (mut set, mut clients) = crowd(members)?;
        let mut least = u64::MAX;
        for round in 0..ROUNDS {
            let client = clients.swap_remove(round * 7919 % members).ping(0);
            let start = ticks();
            serve(&mut set)?;
            least = least.min(ticks() - start);
            clients.push(pong(client)?);
        }
        rt::log!("fact crowd place=here ready=one members={members} ticks={least}");
        let mut least = u64::MAX;
        for _ in 0..ROUNDS / members + 5 {
            let waiting: Vec<Waiting> = clients.drain(..).map(|client| client.ping(0)).collect();
            let start = ticks();
            for _ in 0..members {
                serve(&mut set)?;
            }
            least = least.min((ticks() - start) / members as u64);
            clients = waiting.into_iter().map(pong).collect::<Result<_, _>>()?;
        }
        rt::log!("fact crowd place=here ready=all members={members} ticks={least}");
    }
    Ok(())
}

/// A set in the assistant: a round trip by hand-off, with a member of many.
fn there(hall: &mut Hall) -> Result<(), Trouble> {
    let (mut assistant, mut clients) = (hall.assistant()?, Vec::with_capacity(MANY));
    for members in [FEW, MANY] {
        while clients.len() < members {
            match assistant.sit().receive()? {
                assist::ClientSitting::Seated { seat, next } => {
                    clients.push(seat);
                    assistant = next;
                }
                assist::ClientSitting::NoSeat { .. } => return Err(Trouble::Exhausted),
            }
        }
        let mut least = u64::MAX;
        for round in 0..ROUNDS {
            let client: Client = clients.swap_remove(round * 7919 % members);
            let start = ticks();
            let client = pong(client.ping(0))?;
            least = least.min(ticks() - start);
            clients.push(client);
        }
        rt::log!("fact crowd place=there ready=one members={members} ticks={least}");
    }
    Ok(())
}

/// Every member has always something to say, and says more as soon as it is answered.
fn served_in_turn(_: &mut Hall) -> Result<(), Trouble> {
    let (mut set, clients) = crowd(MANY)?;
    let mut waiting: Vec<Option<Waiting>> = clients.into_iter().map(|client| Some(client.ping(0))).collect();
    for _ in 0..3 {
        let mut served = vec![false; MANY];
        for _ in 0..MANY {
            let number = serve(&mut set)?;
            holds(
                !core::mem::replace(&mut served[number], true),
                "none is served twice before all are once",
            )?;
            waiting[number] = match waiting[number].take() {
                Some(client) => Some(pong(client)?.ping(0)),
                None => None,
            };
        }
    }
    Ok(())
}
