//! Nobody can tell what a union holds.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
union Bits {
    float: f32,
    bits: u32,
}

fn main() {}
