//! A check is a name.

#![forbid(unsafe_code)]

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
#[exchange(check = Self::is_valid::<{ unsafe { core::mem::zeroed() } }>)]
struct Time {
    hour: u8,
}

impl Time {
    fn is_valid<const LIMIT: u8>(&self) -> bool {
        self.hour < LIMIT
    }
}

fn main() {}
