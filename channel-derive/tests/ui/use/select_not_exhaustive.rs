//! An arm of `select!` takes whatever its endpoint may receive, `Closed` included.

use contracts::{Contract, select};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

fn wait(server: session::Server<session::Idle>) {
    select! {
        Ok(question) = server => drop(question),
    }
}

fn main() {}
