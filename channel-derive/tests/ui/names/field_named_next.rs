//! `next` is the endpoint in a received message.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Ask { next: u32 },
}

fn main() {}
