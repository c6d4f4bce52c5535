//! A block is sent once.

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

fn session(first: Client<Idle>, second: Client<Idle>, text: ExBox<[u8]>) -> (Client<Asked>, Client<Asked>) {
    (first.ask(text), second.ask(text))
}

fn main() {}
