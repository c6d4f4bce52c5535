//! Fields of packed types cannot be referred to.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C, packed)]
struct Point {
    x: u32,
}

fn main() {}
