//! A key that messages do not take.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End, depth = 64)]
    Ask,
}

fn main() {}
