//! A type that crosses is taken apart, so it has no destructor of its own.

use contracts::{ExBox, Exchange};

#[derive(Exchange)]
#[repr(C)]
struct Guard {
    block: ExBox<[u8]>,
}

impl Drop for Guard {
    fn drop(&mut self) {}
}

fn main() {}
