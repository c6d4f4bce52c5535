//! A struct is no contract.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
struct Session {
    question: u32,
}

fn main() {}
