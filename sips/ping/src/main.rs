//! The process `ping`: measures round trips.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::ping::{PingPong, Pinger};
use ping::Instant;
use rt::reconnect::Reconnecting;

rt::manifest! {
    main: main,
    provides: { ping: Pinger },
    uses: { pong: PingPong },
}

fn main(grants: Grants) {
    // Others wait meanwhile.
    let pong = Reconnecting::over(grants.ports.pong, grants.pong).patience(Duration::from_secs(1));
    ping::serve(grants.ping.clients(), pong, || Instant { time: rt::clock::now(), ticks: rt::clock::ticks() })
}
