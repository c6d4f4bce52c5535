//! Two messages that would be one method.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    GetURL,
    #[client(Idle => End)]
    GetUrl,
}

fn main() {}
