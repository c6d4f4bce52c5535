//! States of the base keep their numbers, unless there is one in the base that no message leaves.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Ready)]
pub enum Store {
    #[client(Ready => Reading)]
    Read { place: u64 },
}

#[derive(Contract)]
#[contract(start = Ready, extends = Store)]
pub enum LargeStore {
    #[client(Ready => Reading)]
    Read { place: u64 },
    #[client(Ready => Writing)]
    Write { place: u64 },
    #[server(Writing => End)]
    Written,
}

fn main() {}
