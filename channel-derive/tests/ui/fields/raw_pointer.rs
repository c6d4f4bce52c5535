//! So do raw pointers.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: *const u8 },
}

fn main() {}
