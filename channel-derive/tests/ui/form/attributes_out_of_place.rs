//! Each attribute has its place.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
#[client(Idle => End)]
enum Session {
    #[client(Idle => End)]
    #[contract(start = Idle)]
    Leave,
    #[client(Idle => End)]
    Ask {
        #[server(Idle => End)]
        question: u32,
    },
}

fn main() {}
