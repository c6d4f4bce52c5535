//! Messages of the base are sent by the other side.

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
    #[server(Ready => Reading)]
    Read { place: u64 },
    #[client(Reading => Ready)]
    Value { value: u32 },
    #[server(Ready => Ready, window = 4)]
    Note,
}

fn main() {}
