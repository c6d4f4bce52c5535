//! Nothing is said in `End`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = End)]
enum Session {
    #[client(Idle => Asked)]
    Ask { question: u32 },
    #[server(Asked => Idle)]
    Answer { answer: bool },
    #[client(Idle => End)]
    Leave,
}

fn main() {}
