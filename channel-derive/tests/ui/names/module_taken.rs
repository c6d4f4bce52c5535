//! A contract's module is its name in snake case: nothing else there may be called so. Rename the contract, or move it into
//! a module of its own.

use contracts::Contract;

mod session {}

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start = Idle)]
enum HTTPGet {
    #[client(Idle => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start = Idle)]
enum HttpGet {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
