//! Counts what `wc` counts, for as many clients as ask; each has its own sums.
#![no_std]
#![forbid(unsafe_code)]

use contracts::spec::count::count::{Idle, Server, ServerIdle};
use contracts::{Closed, EndpointSet, Event};

mod tally;
mod unicode;

pub use tally::Tally;

/// Serves `clients` for ever.
pub fn serve(mut clients: EndpointSet<Server<Idle>, Tally>) -> ! {
    loop {
        let Event { received, data: mut tally } = clients.receive();
        match received {
            Ok(ServerIdle::Part { block, length, next }) => {
                tally.add(rt::filled(&block, length));
                clients.insert(next.counted(block), tally);
            }
            Ok(ServerIdle::Finish { next }) => {
                clients.insert(next.totals(tally.lines, tally.words, tally.bytes), Tally::default());
            }
            Err(Closed) => {}
        }
    }
}
