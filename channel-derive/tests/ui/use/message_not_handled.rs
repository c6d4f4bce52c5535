//! Every message that may come is handled.

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

use oracle::ServerIdle;

fn session(server: Server<Idle>) -> Result<Server<Asked>, contracts::Closed> {
    match server.receive()? {
        ServerIdle::Ask { next, .. } => Ok(next),
    }
}

fn main() {}
