//! A check is the name of a function, on the type.

use contracts::Exchange;

#[derive(Exchange)]
#[repr(C)]
#[exchange(check = |time| time.hour < 24)]
struct Time {
    hour: u8,
}

#[derive(Exchange)]
#[repr(C)]
#[exchange(valid = Self::is_valid)]
struct Date {
    day: u8,
}

#[derive(Exchange)]
#[repr(C)]
#[exchange]
struct Week {
    number: u8,
}

#[derive(Exchange)]
#[repr(C)]
#[exchange(check = is_valid)]
#[exchange(check = is_valid)]
struct Month {
    number: u8,
}

#[derive(Exchange)]
#[repr(C)]
struct Year {
    #[exchange(check = is_valid)]
    number: u16,
}

fn main() {}
