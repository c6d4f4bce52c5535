//! Not between threads either.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: std::sync::Arc<u8> },
}

fn main() {}
