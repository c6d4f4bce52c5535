//! A message has one sender.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    #[server(Asked => End)]
    Ask,
}

fn main() {}
