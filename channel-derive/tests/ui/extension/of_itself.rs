//! A contract extends another one.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Ready, extends = Store)]
enum Store {
    #[client(Ready => End)]
    Leave,
}

#[derive(Contract)]
#[contract(start = Ready, extends = self::LargeStore)]
enum LargeStore {
    #[client(Ready => End)]
    Leave,
}

fn main() {}
