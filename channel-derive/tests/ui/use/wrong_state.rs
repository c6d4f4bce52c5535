//! The answer comes before the next question.

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

fn session(client: Client<Idle>, text: ExBox<[u8]>, more: ExBox<[u8]>) -> Client<Asked> {
    client.ask(text).ask(more)
}

fn main() {}
