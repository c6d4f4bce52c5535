//! There must be something to send.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(u8)]
enum Never {}

fn main() {}
