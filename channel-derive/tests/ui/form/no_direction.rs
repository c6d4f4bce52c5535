//! Nobody sends this message.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Ask,
    Answer { answer: bool },
}

fn main() {}
