//! A peer of the dealer's.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use trial::table::{Lobby, serve};

rt::manifest! {
    main: main,
    provides: { north: Lobby },
}

fn main(grants: Grants) {
    serve(grants.north)
}
