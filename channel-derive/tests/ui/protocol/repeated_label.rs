//! Two steps of one message leave one state.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked, Idle => End)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

fn main() {}
