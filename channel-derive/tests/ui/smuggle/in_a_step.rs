//! Attributes hold names.

#![forbid(unsafe_code)]

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => { unsafe { core::hint::unreachable_unchecked() } })]
    Leave,
    #[client({ unsafe { core::hint::unreachable_unchecked() } } => End)]
    Bow,
}

fn main() {}
