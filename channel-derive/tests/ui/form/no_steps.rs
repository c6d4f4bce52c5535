//! A message that is sent in no state.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client]
    Ask,
    #[server()]
    Answer,
}

fn main() {}
