//! Nothing is received in `Idle` by the client.

use contracts::ExBox;
use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Oracle {
    #[client(Idle => Asked)]
    Ask { text: ExBox<[u8]> },
    #[server(Asked => Idle)]
    Answer { answer: bool },
    #[client(Idle => End)]
    Leave,
}

#[allow(unused_imports)]
use oracle::{Asked, Client, ClientAsked, Idle, Server};

fn session(client: Client<Idle>) {
    let _ = client.receive();
}

fn main() {}
