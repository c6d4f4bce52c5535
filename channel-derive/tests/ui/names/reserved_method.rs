//! `receive` is a method of every endpoint.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    TryReceive,
    #[client(Idle => End)]
    IntoRaw,
}

fn main() {}
