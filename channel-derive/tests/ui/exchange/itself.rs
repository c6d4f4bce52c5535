//! A type that holds values of itself would have a fingerprint that is computed from itself.

use contracts::{ExBox, Exchange};

#[derive(Exchange)]
#[repr(C)]
struct Node {
    value: u32,
    children: ExBox<[Node]>,
}

fn main() {}
