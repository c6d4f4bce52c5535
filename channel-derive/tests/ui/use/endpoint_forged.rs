//! Nobody but the derive makes endpoints.

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

fn forge(client: Client<Idle>) -> Client<Asked> {
    use contracts::Endpoint;
    Client(client.into_raw(), core::marker::PhantomData)
}

fn main() {}
