//! `AskBody` holds the fields of `Ask`.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = AskBody)]
enum Session {
    #[client(AskBody => End)]
    Ask { question: u32 },
}

fn main() {}
