//! A contract without messages.

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {}

fn main() {}
