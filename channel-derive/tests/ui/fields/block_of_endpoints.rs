//! An endpoint in a block is as one in a message: it must be one that sends next.

use contracts::{Contract, ExBox};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

#[derive(Contract)]
#[contract(start = Ready)]
enum Broker {
    #[client(Ready => Ready, window = 2)]
    One { session: ExBox<session::Client<session::Asked>> },
    #[client(Ready => End)]
    Many { sessions: ExBox<[session::Client<session::Asked>]> },
}

fn main() {}
