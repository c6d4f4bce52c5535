//! Every part must be able to cross.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Person {
    age: u32,
    name: String,
}

fn main() {}
