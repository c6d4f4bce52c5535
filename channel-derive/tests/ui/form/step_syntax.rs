//! A step is two states and an arrow.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle -> End)]
    Ask,
    #[client(Idle)]
    Beg,
    #[client(Idle => Asked => End)]
    Leave,
    #[client(Idle => one::End)]
    Bow,
}

fn main() {}
