//! What may not cross may not cross in a block.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: contracts::ExBox<[String]> },
}

fn main() {}
