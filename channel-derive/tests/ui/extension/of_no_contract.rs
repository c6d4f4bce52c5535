//! What is extended is a contract.

use contracts::Contract;

struct Store;

#[derive(Contract)]
#[contract(start = Ready, extends = Store)]
enum LargeStore {
    #[client(Ready => End)]
    Leave,
}

fn main() {}
