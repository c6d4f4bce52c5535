//! Sends blocks back, or copies of them when told to.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use trial::echo::Echo;

rt::manifest! {
    main: main,
    provides: { echo: Echo },
}

fn main(grants: Grants) {
    trial::echo::serve(grants.echo.clients())
}
