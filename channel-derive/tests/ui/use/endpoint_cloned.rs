//! There is one of each endpoint.

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

fn twice(client: Client<Idle>) -> (Client<Idle>, Client<Idle>) {
    (client.clone(), client)
}

fn main() {}
