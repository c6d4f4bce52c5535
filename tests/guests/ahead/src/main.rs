//! Uses the service `pong` by an extension of the contract that it speaks.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use trial::ahead::NumberedPingPong;

rt::manifest! {
    main: main,
    uses: { pong: NumberedPingPong },
}

fn main(grants: Grants) {
    rt::log!("connected to {:?}", grants.pong);
}
