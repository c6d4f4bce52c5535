//! Not waiting for ever. After `05_unlike_endpoints`.
//!
//! Every receive has a form with a deadline. When it passes, the endpoint comes back in the state in which it was: the
//! question still stands, and a late answer is not lost. Who no longer wants an answer drops the endpoint.
#![forbid(unsafe_code)]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, EndpointSet, Instant, ReceiveByError, TryReceiveError, select};

use ping_pong::{Client, ClientWaiting, Idle, Server, ServerIdle, Waiting};

/// Answers one question for each time that it is poked, as one does who has much else to do.
fn answer_when_poked(mut server: Server<Idle>, poked: mpsc::Receiver<()>) -> u32 {
    let mut answers = 0;
    while let Ok(ServerIdle::Ping { value, next }) = server.receive() {
        poked.recv().expect("somebody pokes");
        server = next.pong(value);
        answers += 1;
    }
    answers
}

/// Waits in turns of a millisecond; pokes the server after the third. How many turns it took.
fn insist(mut waiting: Client<Waiting>, poke: &mpsc::Sender<()>) -> (u32, Client<Idle>) {
    for turn in 0.. {
        match waiting.receive_by(Instant::now() + Duration::from_millis(1)) {
            Ok(ClientWaiting::Pong { next, .. }) => return (turn, next),
            Err(ReceiveByError::TimedOut(endpoint)) => waiting = endpoint,
            Err(_) => panic!("the server stays, and no block comes"),
        }
        if turn == 2 {
            poke.send(()).expect("the server listens");
        }
    }
    unreachable!("it answers in the end")
}

/// Without waiting at all: for one who has something else to do meanwhile. How often it looked.
fn glance(mut waiting: Client<Waiting>, poke: &mpsc::Sender<()>) -> (u32, Client<Idle>) {
    for looks in 1.. {
        waiting = match waiting.try_receive() {
            Ok(ClientWaiting::Pong { next, .. }) => return (looks, next),
            Err(TryReceiveError::Empty(endpoint)) => endpoint,
            Err(_) => panic!("the server stays, and no block comes"),
        };
        if looks == 1 {
            poke.send(()).expect("the server listens");
        }
        thread::yield_now();
    }
    unreachable!("it answers in the end")
}

fn main() {
    let (client, server) = PingPong::channel().expect("memory for a channel");
    let (poke, poked) = mpsc::channel();
    let served = thread::spawn(move || answer_when_poked(server, poked));

    let (turns, client) = insist(client.ping(1), &poke);
    println!("an answer after {turns} turns of waiting");
    assert!(turns >= 3, "nobody answered before");
    let (looks, client) = glance(client.ping(2), &poke);
    println!("an answer at look {looks}");
    assert!(looks >= 2, "nobody answered before");

    // To give up is to drop the endpoint. The server's answer goes to nobody, and it learns of it at its next receive.
    match client.ping(3).receive_by(Instant::now() + Duration::from_millis(1)) {
        Err(ReceiveByError::TimedOut(endpoint)) => drop(endpoint),
        other => panic!("too early: {other:?}"),
    }
    poke.send(()).expect("the server listens");
    assert_eq!(served.join().expect("no panic"), 3);

    // A set and a `select!` have deadlines, too. What is there already is found also when the deadline has passed.
    let (client, server) = PingPong::channel().expect("memory for a channel");
    let mut clients = EndpointSet::new().expect("memory for a set");
    clients.insert(server, ());
    assert!(clients.receive_by(Instant::now()).is_none(), "nobody has asked");
    let waiting = client.ping(4);
    let event = clients.receive_by(Instant::now()).expect("somebody has asked");
    let Ok(ServerIdle::Ping { value, next }) = event.received else { panic!("the client is there") };
    let answer = select! {
        answer = waiting => answer.map(drop),
        after Instant::now() => {
            println!("no answer yet, and no more patience");
            drop(waiting);
            Err(Closed)
        }
    };
    assert_eq!(answer, Err(Closed));
    drop(next.pong(value));
}

#[test]
fn it_runs() {
    main();
}
