//! A check takes a reference to the value, and answers with a `bool`.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
#[exchange(check = Self::new)]
struct Time {
    hour: u8,
}

impl Time {
    fn new(hour: u8) -> Option<Time> {
        (hour < 24).then_some(Time { hour })
    }
}

fn main() {}
