//! Attributes hold names.

#![forbid(unsafe_code)]

use contracts::Contract;

#[derive(Contract)]
#[contract(start = unsafe { core::hint::unreachable_unchecked() })]
enum Session {
    #[client(Idle => End)]
    Leave,
}

fn main() {}
