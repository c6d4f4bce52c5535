//! The start state is one name.

use contracts::Contract;

#[derive(Contract)]
#[contract(Idle)]
enum One {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start => Idle)]
enum Two {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start = Idle, start = Asked)]
enum Three {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
