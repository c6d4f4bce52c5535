//! Plays random sessions with two peers, and compares the ledger with what it knows. Reports as lines
//! `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::probe::Probe;
use contracts::spec::system::{Outcome, System};
use trial::table::Lobby;
use trial::trouble::Trouble;

mod game;
mod ledger;
mod sessions;

rt::manifest! {
    main: main,
    uses: { north: Lobby, south: Lobby, probe: Probe, system: System },
    memory: 32 << 20,
    priority: 20,
}

/// Steps of the run in which the ledger is compared after each.
const STEPS: u64 = 50_000;
/// Sessions after which the heap is back where it was.
const SESSIONS: u64 = 1_000_000;
/// Sessions before the first look at the heap, so that what grows once has grown.
const WARM_UP: u64 = 5_000;
const SEED: u64 = 20_260_727;

fn main(grants: Grants) {
    let outcome = match run([grants.north, grants.south], grants.probe) {
        Ok(()) => Outcome::Success,
        Err(trouble) => {
            rt::log!("{trouble}");
            Outcome::Failure
        }
    };
    grants.system.shutdown(outcome);
}

type Lobbies = [trial::table::lobby::Client<trial::table::lobby::Ready>; 2];
type Glass = contracts::spec::probe::probe::Client<contracts::spec::probe::probe::Ready>;

fn run(lobbies: Lobbies, probe: Glass) -> Result<(), Trouble> {
    let (lobbies, probe) = game::play(lobbies, probe, SEED, STEPS)?;
    sessions::play(lobbies, probe, SEED, WARM_UP, SESSIONS)
}
