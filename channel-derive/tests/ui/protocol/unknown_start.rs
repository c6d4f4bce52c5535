//! The start state is misspelt.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idel)]
enum Session {
    #[client(Idle => Asked)]
    Ask { question: u32 },
    #[server(Asked => Idle)]
    Answer { answer: bool },
    #[client(Idle => End)]
    Leave,
}

fn main() {}
