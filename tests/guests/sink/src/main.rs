//! The end of the line: looks at blocks and sends them back.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Closed;
use contracts::spec::probe::Probe;
use trial::line::conveyor::ServerIdle;
use trial::line::{Conveyor, Stop, look};

rt::manifest! {
    main: main,
    provides: { sink: Conveyor },
    uses: { probe: Probe },
}

fn main(grants: Grants) -> Result<(), Closed> {
    let mut clients = grants.sink.clients::<()>();
    let mut probe = grants.probe;
    loop {
        let Ok(ServerIdle::Pass { block, next, .. }) = clients.receive().received else { continue };
        let stop;
        (probe, stop) = look(probe, &block)?;
        clients.insert(next.passed(block, [stop, Stop::default()]), ());
    }
}
