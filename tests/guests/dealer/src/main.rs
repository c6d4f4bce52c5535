//! Plays random sessions with two peers, and compares the ledger with what it knows. Reports as lines
//! `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::archive::{Archive, archive};
use contracts::spec::probe::Probe;
use contracts::spec::system::{Outcome, System};
use trial::files;
use trial::table::Lobby;
use trial::trouble::Trouble;

mod game;
mod ledger;
mod sessions;

rt::manifest! {
    main: main,
    uses: { archive: Archive, north: Lobby, south: Lobby, probe: Probe, system: System },
    memory: 32 << 20,
    priority: 20,
}

/// What is played for, from the file `stakes`: words `KEY=NUMBER`.
#[derive(Clone, Copy, Debug, Default)]
struct Stakes {
    /// Steps of the run in which the ledger is compared after each.
    steps: u64,
    /// Sessions after which the heap is back where it was.
    sessions: u64,
    /// Bytes of the smallest block.
    smallest: u64,
    /// From the address at which the dealer sees a block to the one at which the ledger has it.
    distance: u64,
}

/// Sessions before the first look at the heap, so that what grows once has grown.
const WARM_UP: u64 = 5_000;
const SEED: u64 = 20_260_727;

fn main(grants: Grants) {
    let outcome = match run(grants.archive, [grants.north, grants.south], grants.probe) {
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

fn run(archive: archive::Client<archive::Ready>, lobbies: Lobbies, probe: Glass) -> Result<(), Trouble> {
    let (_archive, stakes) = read_stakes(archive)?;
    let (lobbies, probe) = game::play(lobbies, probe, SEED, stakes)?;
    sessions::play(lobbies, probe, SEED, WARM_UP, stakes)
}

fn read_stakes(
    archive: archive::Client<archive::Ready>,
) -> Result<(archive::Client<archive::Ready>, Stakes), Trouble> {
    const BAD: Trouble = Trouble::Wrong("the stakes cannot be read");
    let (archive, text) = files::read(archive, "stakes")?;
    let mut stakes = Stakes::default();
    for word in core::str::from_utf8(&text).map_err(|_| BAD)?.split_whitespace() {
        let (key, number) = word.split_once('=').ok_or(BAD)?;
        let place = match key {
            "steps" => &mut stakes.steps,
            "sessions" => &mut stakes.sessions,
            "smallest" => &mut stakes.smallest,
            "distance" => &mut stakes.distance,
            _ => return Err(BAD),
        };
        *place = number.parse().map_err(|_| BAD)?;
    }
    Ok((archive, stakes))
}
