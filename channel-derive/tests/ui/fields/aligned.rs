//! A slot aligns its message to 16 bytes.

use contracts::{Contract, Exchange};

#[derive(Exchange)]
#[repr(C, align(64))]
struct Line {
    bytes: [u8; 64],
}

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Send { number: u32, lines: [Line; 2] },
}

fn main() {}
