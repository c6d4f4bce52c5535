//! The middle of the line: passes blocks on to the sink, and what comes back on to the origin.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::probe::Probe;
use contracts::{Closed, ExBox};
use trial::line::conveyor::{ClientPassing, ServerIdle};
use trial::line::{Conveyor, Handling, look};

rt::manifest! {
    main: main,
    provides: { relay: Conveyor },
    uses: { sink: Conveyor, probe: Probe },
}

fn main(grants: Grants) -> Result<(), Closed> {
    let mut clients = grants.relay.clients::<()>();
    let Grants { mut probe, mut sink, .. } = grants;
    loop {
        let Ok(ServerIdle::Pass { mut block, handling, next: client }) = clients.receive().received else {
            continue;
        };
        let stop;
        (probe, stop) = look(probe, &block)?;
        if handling == Handling::Copy {
            // Without memory for the copy the client sees its channel closed.
            let Ok(copy) = ExBox::copy_of(&block) else { continue };
            block = copy;
        }
        let ClientPassing::Passed { block, stops, next } = sink.pass(block, Handling::Move).receive()?;
        sink = next;
        clients.insert(client.passed(block, [stop, stops[0]]), ());
    }
}
