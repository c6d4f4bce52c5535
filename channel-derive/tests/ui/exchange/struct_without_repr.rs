//! The layout must be fixed.

use contracts::Exchange;

#[derive(Exchange)]
struct Point {
    x: u32,
}

fn main() {}
