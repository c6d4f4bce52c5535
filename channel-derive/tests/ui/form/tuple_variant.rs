//! Fields become parameters and need names.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Ask(u32),
}

fn main() {}
