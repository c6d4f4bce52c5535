//! A type holds no expressions.

#![forbid(unsafe_code)]

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { text: contracts::Text<{ unsafe { core::hint::unreachable_unchecked() } }> },
}

fn main() {}
