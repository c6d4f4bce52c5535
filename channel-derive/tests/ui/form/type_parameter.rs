//! Contracts take no parameters.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session<T> {
    #[client(Idle => End)]
    Ask { question: T },
}

fn main() {}
