//! Counts the instructions of round trips, under QEMU's `-icount shift=0`, and reports them as lines
//! `fact round KEY=VALUE...` in the kernel's log. The least of many rounds is one that no interrupt fell into.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::spec::system::{Outcome, System};
use contracts::{Closed, ExBox};
use rt::clock::ticks;
use trial::echo::Echo;
use trial::echo::echo::{Client, ClientCopying, ClientWaiting, Idle};

rt::manifest! {
    main: main,
    uses: { echo: Echo, pong: PingPong, system: System },
}

const ROUNDS: u64 = 1000;
const COPYING_ROUNDS: u64 = 5;

fn main(grants: Grants) {
    let outcome = match run(grants.echo, grants.pong) {
        Ok(()) => Outcome::Success,
        Err(Closed) => Outcome::Failure,
    };
    grants.system.shutdown(outcome);
}

fn run(mut echo: Client<Idle>, mut pong: ping_pong::Client<ping_pong::Idle>) -> Result<(), Closed> {
    let mut least = u64::MAX;
    for round in 0..ROUNDS {
        let start = ticks();
        let ping_pong::ClientWaiting::Pong { next, .. } = pong.ping(round).receive()?;
        least = least.min(ticks() - start);
        pong = next;
    }
    rt::log!("fact round kind=ping size=8 ticks={least}");
    for size in [1, 8, 4096, 65_536, 1 << 20, 16 << 20] {
        let mut block = ExBox::zeroed(size).map_err(|_| Closed)?;
        let mut least = u64::MAX;
        for _ in 0..ROUNDS {
            let start = ticks();
            let ClientWaiting::Back { block: back, next } = echo.there(block).receive()?;
            least = least.min(ticks() - start);
            (echo, block) = (next, back);
        }
        rt::log!("fact round kind=move size={size} ticks={least}");
    }
    for size in [8, 1 << 20] {
        let mut block = ExBox::zeroed(size).map_err(|_| Closed)?;
        let mut least = u64::MAX;
        for _ in 0..COPYING_ROUNDS {
            let start = ticks();
            let ClientCopying::Copied { block: back, next } = echo.copy(block).receive()?;
            least = least.min(ticks() - start);
            (echo, block) = (next, back);
        }
        rt::log!("fact round kind=copy size={size} ticks={least}");
    }
    Ok(())
}
