//! The process `pong`: answers pings.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::ping::PingPong;

rt::manifest! {
    main: main,
    provides: { pong: PingPong },
}

fn main(grants: Grants) {
    pong::serve(grants.pong.clients())
}
