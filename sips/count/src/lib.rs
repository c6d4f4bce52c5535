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

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::spec::count::Count;
    use contracts::testing::Walk;

    #[test]
    fn a_client_that_does_whatever_the_contract_allows_gets_the_totals_of_its_parts() {
        let totals = || {
            let mut sums = Tally::default();
            move |_, message: &Count| match message {
                Count::Part { block, length } => sums.add(rt::filled(block, *length)),
                Count::Counted { .. } | Count::Finish => {}
                Count::Totals { lines, words, bytes } => {
                    assert_eq!((*lines, *words, *bytes), (sums.lines, sums.words, sums.bytes));
                    sums = Tally::default();
                }
            }
        };
        Walk::new().checked_by(totals).server(|server| {
            let mut clients = EndpointSet::new().expect("memory");
            clients.insert(server, Tally::default());
            serve(clients)
        });
    }
}
