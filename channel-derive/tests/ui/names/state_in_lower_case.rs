//! States are types.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = idle)]
enum Session {
    #[client(idle => End)]
    Leave,
}

fn main() {}
