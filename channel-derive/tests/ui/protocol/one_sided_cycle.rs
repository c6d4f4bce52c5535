//! The client may send blocks for ever, unanswered.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Sending)]
    Begin,
    #[client(Sending => Sent)]
    Block { number: u32 },
    #[client(Sent => Sending)]
    More,
    #[client(Sending => End)]
    Finish,
}

fn main() {}
