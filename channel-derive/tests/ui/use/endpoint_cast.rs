//! To say that an endpoint is in another state takes `unsafe`.

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

fn cast(client: Client<Idle>) -> Client<Asked> {
    use contracts::Endpoint;
    Client::from_raw(client.into_raw())
}

fn main() {}
