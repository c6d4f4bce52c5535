//! A module `core` would make the paths of the code around it mean two things.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Core {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
