//! Only who receives next can be in a set.

use contracts::{Contract, EndpointSet};

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

fn main() {
    let (client, _server) = Session::channel().expect("memory for a channel");
    let mut set = EndpointSet::new().expect("memory for a set");
    set.insert(client, ());
    drop(set.receive());
}
