//! A type of one's own must be `Exchange`.

use contracts::Contract;

struct Question {
    number: u32,
}

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { payload: Question },
}

fn main() {}
