//! A contract and two programs that keep it. Start here: `cargo run -p contracts --example 01_first_contract`.
//!
//! A contract is an enum. A variant is a message; its attribute says who sends it, in which state, and which state
//! follows. From that the derive writes a module, here `guessing`, with the two endpoints of a channel and a type for each
//! state. A step that the contract does not have is a method that does not exist.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract};

/// One player thinks of a number, the other finds it.
///
/// ```text
/// Thinking --?Guess--> Comparing --!Higher--> Thinking
///                      Comparing --!Lower--> Thinking
///                      Comparing --!Right--> End
/// Thinking --?GiveUp--> End
/// ```
#[derive(Contract)]
#[contract(start = Thinking)]
pub enum Guessing {
    /// Perhaps it is this one.
    #[client(Thinking => Comparing)]
    Guess {
        /// The guess.
        number: u32,
    },
    /// It is higher.
    #[server(Comparing => Thinking)]
    Higher,
    /// It is lower.
    #[server(Comparing => Thinking)]
    Lower,
    /// It is this one.
    #[server(Comparing => End)]
    Right,
    /// It is too hard.
    #[client(Thinking => End)]
    GiveUp,
}

use guessing::{Client, ClientComparing, Comparing, Server, ServerThinking, Thinking};

/// The server. What it receives is a message together with the endpoint in its next state; the endpoint that it had is
/// gone. `Closed` means that the other end was dropped, which may happen at any time, so it cannot be left out.
fn think_of(secret: u32, mut server: Server<Thinking>) -> Result<(), Closed> {
    loop {
        // Everything that can come in the state `Thinking`, and nothing else.
        match server.receive()? {
            ServerThinking::Guess { number, next } if number < secret => server = next.higher(),
            ServerThinking::Guess { number, next } if number > secret => server = next.lower(),
            ServerThinking::Guess { next, .. } => {
                // `right` leads to `End`: there is no endpoint any more.
                next.right();
                return Ok(());
            }
            ServerThinking::GiveUp => return Ok(()),
        }
    }
}

/// The client, with a limit to its patience.
fn find(mut client: Client<Thinking>, patience: u32) -> Result<Option<u32>, Closed> {
    let (mut low, mut high) = (0, 1000);
    for _ in 0..patience {
        let number = low + (high - low) / 2;
        let comparing: Client<Comparing> = client.guess(number);
        // Here `client` is gone and `comparing` has no method `guess`: nobody can guess twice.
        match comparing.receive()? {
            ClientComparing::Higher { next } => (low, client) = (number + 1, next),
            ClientComparing::Lower { next } => (high, client) = (number, next),
            ClientComparing::Right => return Ok(Some(number)),
        }
    }
    client.give_up();
    Ok(None)
}

fn main() {
    for (secret, patience) in [(42, 20), (999, 20), (7, 2)] {
        // Between two threads here; between two processes of the system with the very same code.
        let (client, server) = Guessing::channel().expect("memory for a channel");
        let thinking = thread::spawn(move || think_of(secret, server));
        let found = find(client, patience).expect("the server stays to the end");
        println!("{secret} is found to be {found:?}");
        assert_eq!(found, (patience > 2).then_some(secret));
        assert_eq!(thinking.join().expect("no panic"), Ok(()));
    }
}

#[test]
fn it_runs() {
    main();
}
