//! Both sides may send first.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Hello,
    #[server(Idle => End)]
    Welcome,
}

fn main() {}
