//! A step whose endpoint nobody keeps closes the channel.

#![deny(unused_must_use)]

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

fn session(client: Client<Idle>, text: ExBox<[u8]>) {
    client.ask(text);
}

fn main() {}
