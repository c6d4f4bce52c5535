//! All that is wrong is said at once.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Open)]
    Begin,
    #[client(Open => Open)]
    Push { byte: u8 },
    #[server(Open => Lost)]
    Stop,
}

fn main() {}
