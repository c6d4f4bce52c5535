//! Keys that contracts do not take.

use contracts::Contract;

#[derive(Contract)]
#[contract(begin = Idle)]
enum Session {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start = Idle, depth = 64)]
enum Other {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
