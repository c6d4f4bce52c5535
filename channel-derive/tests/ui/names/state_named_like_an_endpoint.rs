//! `Client` is the type of the client's endpoints.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Client)]
enum Session {
    #[client(Client => End)]
    Leave,
}

fn main() {}
