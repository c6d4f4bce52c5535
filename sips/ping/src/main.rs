//! The process `ping`: measures round trips.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::ping::{PingPong, Pinger};
use ping::Instant;

rt::manifest! {
    main: main,
    provides: { ping: Pinger },
    uses: { pong: PingPong },
}

fn main(grants: Grants) {
    ping::serve(grants.ping.clients(), grants.pong, || Instant {
        time: rt::clock::now(),
        ticks: rt::clock::ticks(),
    })
}
