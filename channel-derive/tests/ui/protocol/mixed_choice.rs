//! In `Open` the client may stop while the server sends data.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Open)]
    Begin,
    #[server(Open => Open)]
    Data { byte: u8 },
    #[client(Open => Stopping)]
    Stop,
    #[server(Stopping => End)]
    Stopped,
}

fn main() {}
