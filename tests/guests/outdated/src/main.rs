//! Uses the service `north` by a contract that is the same in itself and carries another version of one.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use trial::outdated::Lobby;

rt::manifest! {
    main: main,
    uses: { north: Lobby },
}

fn main(grants: Grants) {
    rt::log!("connected to {:?}", grants.north);
}
