//! Whatever else is a type has no name.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { number: unsafe<'a> u8 },
}

fn main() {}
