//! A contract that starts twice.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
#[contract(start = Asked)]
enum Session {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
