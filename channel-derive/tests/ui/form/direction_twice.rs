//! One attribute lists all steps.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    #[client(Asked => End)]
    Ask,
}

fn main() {}
