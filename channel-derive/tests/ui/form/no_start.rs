//! A contract that does not say where it starts.

use contracts::Contract;

#[derive(Contract)]
enum Session {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract]
enum Other {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
