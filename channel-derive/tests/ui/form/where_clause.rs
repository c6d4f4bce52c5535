//! Contracts take no parameters.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session where u8: Copy {
    #[client(Idle => End)]
    Ask { question: u8 },
}

fn main() {}
