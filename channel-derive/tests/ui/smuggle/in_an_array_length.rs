//! A type holds no expressions.

#![forbid(unsafe_code)]

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { bytes: [u8; { unsafe { core::hint::unreachable_unchecked() } }] },
}

fn main() {}
