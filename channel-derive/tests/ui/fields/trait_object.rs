//! So are the methods of a trait object.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: Box<dyn Fn()> },
}

fn main() {}
