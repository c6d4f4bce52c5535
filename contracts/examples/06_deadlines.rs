//! Not waiting for ever. After `05_unlike_endpoints`.
//!
//! Every receive has a form with a deadline. When it passes, the endpoint comes back in the state in which it was: the
//! question still stands, and a late answer is not lost. Who no longer wants an answer drops the endpoint.
#![forbid(unsafe_code)]

use std::thread;
use std::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Contract, Instant, Receive, ReceiveByError, TryReceiveError};

use ping_pong::{Client, ClientWaiting, Idle, Server, ServerIdle, Waiting};

/// Answers as many milliseconds late as the question says.
fn dawdle(mut server: Server<Idle>) -> u32 {
    let mut answers = 0;
    while let Ok(ServerIdle::Ping { value, next }) = server.receive() {
        thread::sleep(Duration::from_millis(value));
        server = next.pong(value);
        answers += 1;
    }
    answers
}

/// Waits in turns of five milliseconds; counts those in which nothing came.
fn insist(mut waiting: Client<Waiting>) -> (u32, Client<Idle>) {
    for turns in 0.. {
        match waiting.receive_by(Instant::now() + Duration::from_millis(5)) {
            Ok(ClientWaiting::Pong { next, .. }) => return (turns, next),
            Err(ReceiveByError::TimedOut(endpoint)) => waiting = endpoint,
            Err(_) => panic!("the server stays, and no block comes"),
        }
    }
    unreachable!("it answers in the end")
}

fn main() {
    let (client, server) = PingPong::channel().expect("memory for a channel");
    let served = thread::spawn(move || dawdle(server));

    let (turns, client) = insist(client.ping(40));
    println!("an answer after {turns} turns of waiting");
    assert!(turns >= 2);

    // Without waiting at all: for one who has something else to do meanwhile.
    let mut work = 0_u64;
    let mut waiting = client.ping(10);
    let client = loop {
        waiting = match waiting.try_receive() {
            Ok(ClientWaiting::Pong { next, .. }) => break next,
            Err(TryReceiveError::Empty(endpoint)) => endpoint,
            Err(_) => panic!("the server stays, and no block comes"),
        };
        work += 1;
        thread::yield_now();
    };
    println!("the answer came after {work} looks");

    // To give up is to drop the endpoint. The server's answer goes to nobody, and it learns of it at its next receive.
    match client.ping(20).receive_by(Instant::now() + Duration::from_millis(1)) {
        Err(ReceiveByError::TimedOut(endpoint)) => drop(endpoint),
        other => panic!("too early: {other:?}"),
    }
    assert_eq!(served.join().expect("no panic"), 3);
}

#[test]
fn it_runs() {
    main();
}
