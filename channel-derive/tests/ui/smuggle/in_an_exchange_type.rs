//! Nor does the type of a field of an `Exchange` type, nor a number reach unsafe code.

#![forbid(unsafe_code)]

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
struct Bytes {
    bytes: [u8; { unsafe { core::mem::zeroed() } }],
}

#[derive(Exchange)]
#[repr(u8)]
enum Number {
    One = unsafe { core::mem::zeroed() },
}

fn main() {}
