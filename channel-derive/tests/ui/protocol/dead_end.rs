//! Nothing is said in `Asked`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[client(Idle => Asked)]
    Beg,
    #[client(Idle => End)]
    Leave,
}

fn main() {}
