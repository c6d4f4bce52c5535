//! Messages are numbered in order.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Ask = 3,
}

fn main() {}
