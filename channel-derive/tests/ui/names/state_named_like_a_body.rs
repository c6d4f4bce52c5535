//! `BodyOfAsk` holds the fields of `Ask`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = BodyOfAsk)]
enum Session {
    #[client(BodyOfAsk => End)]
    Ask { question: u32 },
}

fn main() {}
