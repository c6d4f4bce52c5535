//! References are refused by name.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Person {
    name: &'static str,
}

fn main() {}
