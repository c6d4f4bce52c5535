//! `select!` takes the endpoint of the arm that runs out of its variable, and cannot take it out of anything else.

use contracts::{Contract, select};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

struct Desk {
    server: session::Server<session::Idle>,
}

fn wait(desk: Desk) {
    select! {
        question = desk.server => drop(question),
    }
}

fn main() {}
