//! Bounds are traits.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Pair<T: ?Sized> {
    one: T,
}

fn main() {}
