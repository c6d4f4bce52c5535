//! A message cannot contain a message of its contract.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: Self },
}

fn main() {}
