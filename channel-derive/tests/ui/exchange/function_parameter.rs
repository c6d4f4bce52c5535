//! A parameter stands for what crosses, and no function does.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Callback<F: Fn(u8)> {
    function: F,
}

fn main() {}
