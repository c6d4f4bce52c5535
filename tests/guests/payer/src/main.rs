//! Counts the instructions of round trips with `booth`, under QEMU's `-icount shift=0`, and reports them as lines
//! `fact trip KEY=VALUE...` in the kernel's log. The least of many is one that no interrupt fell into.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::system::{Outcome, System};
use contracts::{Closed, ExBox};
use rt::clock::ticks;
use trial::toll::pages::ClientLent;
use trial::toll::{Pages, Words0, Words8, Words10, Words64};

rt::manifest! {
    main: main,
    uses: { words0: Words0, words8: Words8, words10: Words10, words64: Words64, pages: Pages, system: System },
}

const ROUNDS: u64 = 1000;
const PAGE_BYTES: usize = 4096;

fn main(mut grants: Grants) {
    let system = grants.system;
    let outcome = match (|| {
        measure("words0", grants.words0, Words0::trip).map(drop)?;
        measure("words8", grants.words8, Words8::trip).map(drop)?;
        measure("words10", grants.words10, Words10::trip).map(drop)?;
        measure("words64", grants.words64, Words64::trip).map(drop)?;
        for (what, pages) in [("pages1", 1), ("pages256", 256)] {
            let block = ExBox::zeroed(pages * PAGE_BYTES).map_err(|_| Closed)?;
            (grants.pages, _) = measure(what, (grants.pages, block), |(client, block)| {
                let ClientLent::GiveBack { block, next } = client.lend(block).receive()?;
                Ok((next, block))
            })?;
        }
        Ok::<_, Closed>(())
    })() {
        Ok(()) => Outcome::Success,
        Err(Closed) => Outcome::Failure,
    };
    system.shutdown(outcome);
}

/// Measures round trips, each of which takes the endpoint and gives it back.
fn measure<T>(what: &str, first: T, mut trip: impl FnMut(T) -> Result<T, Closed>) -> Result<T, Closed> {
    let mut client = first;
    let mut least = u64::MAX;
    for _ in 0..ROUNDS {
        let start = ticks();
        client = trip(client)?;
        least = least.min(ticks() - start);
    }
    rt::log!("fact trip what={what} ticks={least}");
    Ok(client)
}
