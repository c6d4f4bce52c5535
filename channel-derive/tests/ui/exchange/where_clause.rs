//! Bounds stand on parameters.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Pair<T>
where
    T: Copy,
{
    both: [T; 2],
}

fn main() {}
