//! A type holds no macro calls.

#![forbid(unsafe_code)]

use contracts::Contract;

macro_rules! smuggled {
    () => { [u8; { unsafe { core::mem::zeroed() } }] };
}

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { bytes: smuggled!() },
}

fn main() {}
