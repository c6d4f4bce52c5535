//! The derive opens no door: the rest of the crate stays forbidden.

#![forbid(unsafe_code)]

use contracts::Contract;

#[derive(Contract)]
#[contract(start = Idle)]
enum Session {
    #[client(Idle => End)]
    Leave,
}

unsafe impl Send for Session {}

fn forge(raw: contracts::port::RawEnd) -> session::Client<session::Idle> {
    unsafe { contracts::Endpoint::from_raw(raw) }
}

fn main() {}
