//! `Option` and `Result` have no layout that is fixed.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask { number: Option<u32> },
    #[server(Asked => Idle)]
    Answer { number: Result<u8, u8> },
}

fn main() {}
