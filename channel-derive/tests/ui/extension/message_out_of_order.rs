//! The messages of the base are there, in another order.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Ready)]
pub enum Store {
    #[client(Ready => Reading)]
    Read { place: u64 },
    #[server(Reading => Ready)]
    Value { value: u32 },
    #[client(Ready => Ready, window = 4)]
    Note,
}

#[derive(Contract)]
#[contract(start = Ready, extends = Store)]
pub enum LargeStore {
    #[server(Reading => Ready)]
    Value { value: u32 },
    #[client(Ready => Reading)]
    Read { place: u64 },
    #[client(Ready => Ready, window = 4)]
    Note,
}

fn main() {}
