//! Every part must be able to cross.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
enum Person {
    Known { name: Vec<u8> },
    Unknown,
}

fn main() {}
