//! The server answers a message of the base in a new way.

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
    #[client(Ready => Reading)]
    Read { place: u64 },
    #[server(Reading => Ready)]
    Value { value: u32 },
    #[client(Ready => Ready, window = 4)]
    Note,
    #[server(Reading => Ready)]
    Nothing,
}

fn main() {}
