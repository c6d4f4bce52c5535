//! A lifetime leads into the sender's memory.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct View<'a> {
    bytes: &'a [u8],
}

fn main() {}
