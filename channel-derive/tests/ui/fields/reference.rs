//! References lead into the sender's memory.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: &'static [u8] },
}

fn main() {}
