//! Functions are code of the sender.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: fn(u8) -> u8 },
}

fn main() {}
