//! A contract that extends two.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle, extends = First, extends = Second)]
enum Session {
    #[client(Idle => End)]
    Ask,
}

fn main() {}
