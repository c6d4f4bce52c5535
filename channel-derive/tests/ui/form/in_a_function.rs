//! A contract in a function, out of sight of the module that the derive writes.

use contracts::Contract;

fn main() {
    #[derive(Contract)]
    #[contract(start = Idle)]
    enum Session {
        #[client(Idle => Asked)]
        Ask,
        #[server(Asked => Idle)]
        Answer,
    }

    let (client, _server) = Session::channel().expect("memory for a channel");
    client.ask();
}
