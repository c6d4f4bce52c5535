//! Nothing leads to `Paused` and `Resuming`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Asked)]
    Ask { question: u32 },
    #[server(Asked => Idle)]
    Answer { answer: bool },
    #[client(Idle => End)]
    Leave,

    #[client(Paused => Resuming)]
    Resume,
    #[server(Resuming => Idle)]
    Resumed,
}

fn main() {}
