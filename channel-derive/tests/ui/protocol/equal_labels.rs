//! Two variants of one name: rustc refuses the enum, the derive what would be one method.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask,
    #[client(Idle => End)]
    Ask,
    #[server(Asked => Idle)]
    Answer,
}

fn main() {}
