//! The server may send for ever, unanswered.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => Open)]
    Subscribe,
    #[server(Open => Open)]
    News { number: u32 },
    #[server(Open => End)]
    Bye,
}

fn main() {}
