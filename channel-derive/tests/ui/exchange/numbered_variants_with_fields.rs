//! Variants with fields are numbered in order.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(u8)]
enum Shape {
    Dot = 1,
    Circle { radius: u32 } = 2,
}

fn main() {}
