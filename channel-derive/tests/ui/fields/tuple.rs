//! The layout of tuples is not fixed.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: (u8, u16) },
}

fn main() {}
