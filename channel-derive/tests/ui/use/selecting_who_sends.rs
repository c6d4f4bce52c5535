//! Only who receives next can be waited on with `select!`.

use contracts::{Contract, select};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

fn main() {
    let (client, server) = Session::channel().expect("memory for a channel");
    select! {
        answer = client => drop(answer),
        question = server => drop(question),
    }
}
