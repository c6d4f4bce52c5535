//! What channels and sets of endpoints promise, on the host, with many threads.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use contracts::binding::host::{channels, ledger};
use contracts::{AnyEndpoint, Closed, Contract, Either, EndpointSet, ExBox, Instant, TryReceiveError};

/// A run of three messages, then an answer.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Burst {
    /// The first.
    #[client(Idle => One)]
    First {
        /// A block.
        block: ExBox<[u8]>,
    },
    /// The second.
    #[client(One => Two)]
    Second {
        /// Another channel's end.
        other: burst::Client<burst::Idle>,
    },
    /// The third.
    #[client(Two => Three)]
    Third {
        /// A block of blocks.
        blocks: ExBox<[ExBox<u32>]>,
    },
    /// The answer.
    #[server(Three => Idle)]
    Answer {
        /// Anything.
        value: u64,
    },
}

use burst::*;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ledger is the whole process's: tests that look at all of it, or use it, take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn block(size: usize) -> ExBox<[u8]> {
    ExBox::from_fn(size, |index| index as u8).expect("memory")
}

fn nested() -> ExBox<[ExBox<u32>]> {
    ExBox::from_fn(3, |index| ExBox::new(index as u32).expect("memory")).expect("memory")
}

fn burst(client: Client<Idle>) -> Client<Three> {
    client.first(block(100)).second(Burst::channel().expect("memory").0).third(nested())
}

#[test]
fn every_message_sent_before_a_close_is_received_and_then_closed() {
    let _turn = turn();
    // The peer closes before anything is received, or meanwhile.
    for (sent, before) in (0..4).flat_map(|sent| [(sent, true), (sent, false)]) {
        let (client, server) = Burst::channel().expect("memory");
        let closing = thread::spawn(move || match sent {
            0 => drop(client),
            1 => drop(client.first(block(1))),
            2 => drop(client.first(block(1)).second(Burst::channel().expect("memory").0)),
            _ => drop(burst(client)),
        });
        let mut closing = Some(closing);
        if before {
            closing.take().map(thread::JoinHandle::join);
        }
        let mut received = 0;
        let end = (|| {
            let ServerIdle::First { next, .. } = server.receive()?;
            received += 1;
            let ServerOne::Second { next, .. } = next.receive()?;
            received += 1;
            let ServerTwo::Third { next, .. } = next.receive()?;
            received += 1;
            // The answer goes to nobody, and succeeds.
            let _: ServerIdle = next.answer(0).receive()?;
            Ok::<_, Closed>(())
        })();
        assert_eq!((received, end), (sent, Err(Closed)));
        closing.map(thread::JoinHandle::join);
    }
}

#[test]
fn undelivered_messages_give_up_their_blocks_and_close_their_endpoints() {
    let _turn = turn();
    let (blocks, open) = (ledger().len(), channels());
    for server_first in [true, false] {
        let (client, server) = Burst::channel().expect("memory");
        let (traveller, left_behind) = Burst::channel().expect("memory");
        // The traveller itself has something in flight.
        let client = client.first(block(5000)).second(traveller).third(nested());
        assert_eq!(ledger().len(), blocks + 5);
        assert_eq!(channels(), open + 2);
        if server_first {
            drop(server);
            drop(client);
        } else {
            drop(client);
            drop(server);
        }
        assert!(matches!(left_behind.try_receive(), Err(TryReceiveError::Closed)));
        assert_eq!(ledger().len(), blocks, "the blocks are freed");
        assert_eq!(channels(), open, "no channel is left");
    }
}

#[test]
fn a_chain_of_channels_in_flight_in_each_other_is_given_up_whole() {
    let _turn = turn();
    let (blocks, open) = (ledger().len(), channels());
    let (mut innermost, last) = Burst::channel().expect("memory");
    let mut servers = Vec::new();
    for _ in 0..1000 {
        let (client, server) = Burst::channel().expect("memory");
        // The end that sends next travels; the other holds what was sent.
        let (carrier, waiting) = Burst::channel().expect("memory");
        drop(carrier.first(block(10)).second(innermost));
        servers.push((waiting, server));
        innermost = client;
    }
    drop(innermost);
    drop(servers);
    assert!(matches!(last.try_receive(), Err(TryReceiveError::Closed)));
    assert_eq!((ledger().len(), channels()), (blocks, open));
}

#[test]
fn members_of_a_set_are_served_in_turn_however_talkative_one_is() {
    let _turn = turn();
    const MEMBERS: usize = 8;
    let mut set = EndpointSet::new().expect("memory");
    let mut clients: Vec<Option<Client<Three>>> = Vec::new();
    for member in 0..MEMBERS {
        let (client, server) = Burst::channel().expect("memory");
        clients.push(Some(burst(client)));
        set.insert(server, member);
    }
    // Every client has something to say whenever it has been answered: a full round serves each once.
    for round in 0..100 {
        let mut served = [0; MEMBERS];
        for _ in 0..MEMBERS {
            let event = set.try_receive().expect("every client has sent");
            let ServerIdle::First { next, .. } = event.received.expect("it was sent");
            let ServerOne::Second { next, .. } = next.receive().expect("it was sent");
            let ServerTwo::Third { next, .. } = next.receive().expect("it was sent");
            set.insert(next.answer(event.data as u64), event.data);
            served[event.data] += 1;
            let client = clients[event.data].take().expect("it waits");
            let ClientThree::Answer { value, next } = client.receive().expect("answered");
            assert_eq!(value, event.data as u64);
            clients[event.data] = Some(burst(next));
        }
        assert_eq!(served, [1; MEMBERS], "round {round}");
    }
}

#[test]
fn a_server_with_many_clients_on_many_threads_loses_and_mixes_up_nothing() {
    let _turn = turn();
    const CLIENTS: u64 = 12;
    const ROUNDS: u64 = 2000;
    let (blocks, open) = (ledger().len(), channels());
    let mut set = EndpointSet::<Either<Server<Idle>, Server<One>>, u64>::new().expect("memory");
    let mut ends = Vec::new();
    for number in 0..CLIENTS {
        let (client, server) = Burst::channel().expect("memory");
        set.insert(Either::This(server), number);
        ends.push(client);
    }
    let threads: Vec<_> = (0..CLIENTS)
        .zip(ends)
        .map(|(number, mut client)| {
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    let first = client.first(ExBox::from_fn(16, |_| number as u8).expect("memory"));
                    let (other, _) = Burst::channel().expect("memory");
                    let answer = first.second(other).third(nested()).receive().expect("answered");
                    let ClientThree::Answer { value, next } = answer;
                    assert_eq!(value, number * ROUNDS + round);
                    client = next;
                }
            })
        })
        .collect();
    let mut rounds = [0; CLIENTS as usize];
    while !set.is_empty() {
        let event = set.receive_by(Instant::now() + PATIENCE).expect("somebody sends");
        let number = event.data;
        match event.received {
            Ok(Either::This(ServerIdle::First { block, next })) => {
                assert!(block.iter().all(|&byte| u64::from(byte) == number), "each has its own client");
                // Waits for the rest in the set as well.
                set.insert(Either::That(next), number);
            }
            Ok(Either::That(ServerOne::Second { next, .. })) => {
                let ServerTwo::Third { blocks, next } = next.receive().expect("it is on its way");
                assert_eq!(blocks.iter().map(|block| **block).collect::<Vec<_>>(), [0, 1, 2]);
                let round = &mut rounds[number as usize];
                set.insert(Either::This(next.answer(number * ROUNDS + *round)), number);
                *round += 1;
            }
            Err(Closed) => {}
        }
    }
    threads.into_iter().for_each(|thread| thread.join().expect("a client gets its answers"));
    assert_eq!(rounds, [ROUNDS; CLIENTS as usize]);
    assert_eq!((ledger().len(), channels()), (blocks, open), "nothing is left");
}

#[test]
fn closing_from_both_ends_at_once_frees_everything_once() {
    let _turn = turn();
    let (blocks, open) = (ledger().len(), channels());
    for _ in 0..2000 {
        let (client, server) = Burst::channel().expect("memory");
        let client = burst(client);
        let other = thread::spawn(move || drop(server));
        drop(client);
        other.join().expect("it closes");
    }
    assert_eq!((ledger().len(), channels()), (blocks, open));
}

#[test]
fn an_endpoint_without_a_type_gets_its_own_type_back_and_no_other() {
    let _turn = turn();
    let (client, server) = Burst::channel().expect("memory");
    let any = AnyEndpoint::new(client);
    assert!(
        any.downcast::<contracts::spec::ping::ping_pong::Client<contracts::spec::ping::ping_pong::Idle>>()
            .is_err()
    );
    assert!(matches!(server.receive(), Err(Closed)), "an endpoint of another contract is closed");
    let (client, server) = Burst::channel().expect("memory");
    let client: Client<Idle> = AnyEndpoint::new(client).downcast().expect("it is one");
    drop(client.first(block(1)));
    assert!(matches!(server.receive(), Ok(ServerIdle::First { .. })));
}
