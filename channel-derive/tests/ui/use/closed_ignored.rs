//! The peer may be gone.

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

fn session(client: Client<Asked>) -> Client<Idle> {
    let ClientAsked::Answer { next, .. } = client.receive();
    next
}

fn main() {}
