//! The layout must be fixed.

use contracts::Exchange;

#[derive(Exchange)]
enum Colour {
    Red,
}

fn main() {}
