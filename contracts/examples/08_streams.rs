//! Many messages one way. After `02_blocks`.
//!
//! Most messages are answered, which bounds what is in flight, so a send has nothing to wait for. A message with a `window`
//! leaves the state as it is and may be sent again without an answer: a stream. While the window is full, its sender
//! waits; the `try_` form gives the message back instead. The message that ends the stream never waits.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract, SendError, TrySendError};

/// Finds factors.
///
/// ```text
/// Idle --?Factorise--> Searching --!Factor (window 4)--> Searching
///                      Searching --!Done--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Factors {
    /// Wants the factors of this.
    #[client(Idle => Searching)]
    Factorise {
        /// At least 1.
        number: u64,
    },
    /// One of them. At most four are on their way at any time: the server is never far ahead of its client.
    #[server(Searching => Searching, window = 4)]
    Factor {
        /// A prime.
        factor: u64,
    },
    /// Those were all.
    #[server(Searching => Idle)]
    Done,
}

use factors::{Client, ClientSearching, Idle, Searching, Server, ServerIdle};

/// Says each factor as soon as it is found. `factor` returns the endpoint, in the same state, or the message if the client
/// has gone away with the window full: then nobody will ever make room.
fn search(mut server: Server<Searching>, mut number: u64) -> Result<Server<Idle>, u64> {
    let mut candidate = 2;
    while number > 1 {
        if number.is_multiple_of(candidate) {
            number /= candidate;
            server = server.factor(candidate).map_err(|SendError(unsent)| unsent.factor)?;
        } else {
            candidate += 1;
        }
    }
    Ok(server.done())
}

fn serve(mut server: Server<Idle>) -> Result<(), u64> {
    while let Ok(ServerIdle::Factorise { number, next }) = server.receive() {
        server = search(next, number)?;
    }
    Ok(())
}

/// All factors of a number.
fn factorise(number: u64, client: Client<Idle>) -> Result<(Vec<u64>, Client<Idle>), Closed> {
    let mut factors = Vec::new();
    let mut searching = client.factorise(number);
    loop {
        searching = match searching.receive()? {
            ClientSearching::Factor { factor, next } => {
                factors.push(factor);
                next
            }
            ClientSearching::Done { next } => return Ok((factors, next)),
        };
    }
}

fn main() {
    let (mut client, server) = Factors::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    for (number, expected) in [(1, vec![]), (97, vec![97]), (1 << 40, vec![2; 40])] {
        let factors;
        (factors, client) = factorise(number, client).expect("the server stays");
        println!("{number} has {} factors", factors.len());
        assert_eq!(factors, expected);
    }
    // Whoever has heard enough drops the endpoint. The server finds out when the window is full.
    drop(client.factorise(3_u64.pow(20)));
    assert_eq!(served.join().expect("no panic"), Err(3));

    // Without waiting: when the window is full, endpoint and message come back.
    let (client, server) = Factors::channel().expect("memory for a channel");
    let client = client.factorise(0);
    let Ok(ServerIdle::Factorise { next: mut searching, .. }) = server.receive() else {
        panic!("it was sent")
    };
    let mut sent = 0;
    let searching = loop {
        searching = match searching.try_factor(2) {
            Ok(next) => next,
            Err(TrySendError::Full(endpoint, unsent)) => {
                assert_eq!(unsent.factor, 2);
                break endpoint;
            }
            Err(TrySendError::Closed(_)) => panic!("the client is there"),
        };
        sent += 1;
    };
    assert_eq!(sent, 4);
    // What ends the stream has room behind it.
    drop(searching.done());
    drop(client);
}

#[test]
fn it_runs() {
    main();
}
