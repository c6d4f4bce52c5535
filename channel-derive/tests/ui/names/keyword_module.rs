//! `crate` cannot be a module.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Crate {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
