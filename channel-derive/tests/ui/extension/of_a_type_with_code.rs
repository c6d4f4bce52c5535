//! A path that would be evaluated.

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
#[contract(start = Ready, extends = Array<{ unsafe { 1 } }>)]
pub enum LargeStore {
    #[client(Ready => Reading)]
    Read { place: u64 },
    #[server(Reading => Ready)]
    Value { value: u32 },
    #[client(Ready => Ready, window = 4)]
    Note,
}

fn main() {}
