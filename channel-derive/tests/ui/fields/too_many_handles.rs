//! A message with more blocks and endpoints than one carries.

use contracts::{Contract, ExBox, Exchange};

#[derive(Exchange)]
#[repr(C)]
struct Pair {
    left: ExBox<u32>,
    right: ExBox<u32>,
}

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => More)]
    Many { pairs: [Pair; 32] },
    #[client(More => End)]
    TooMany { pairs: [Pair; 32], one: ExBox<[u8]> },
}

fn main() {}
