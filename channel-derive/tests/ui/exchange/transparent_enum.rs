//! `transparent` fixes no enum.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(transparent)]
enum Colour {
    Red(u8),
}

fn main() {}
