//! The process `directory`: names to endpoints.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::directory::{Broker, Directory};

rt::manifest! {
    main: main,
    provides: { directory: Directory },
    uses: { broker: Broker },
}

fn main(grants: Grants) -> Result<(), contracts::Closed> {
    directory::serve(grants.directory.clients(), directory::Names::new(grants.broker))
}
