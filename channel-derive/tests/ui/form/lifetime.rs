//! Contracts take no parameters.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session<'a> {
    #[client(Idle => End)]
    Ask { question: &'a u8 },
}

fn main() {}
