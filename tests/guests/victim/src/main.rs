//! Does what its argument says, at the desk of the undertaker, until it is ended.
//!
//! - `play CONTRACT SIDE SEED HALT MESSAGE...`: a side of a session of a stock contract, by these messages. HALT says where
//!   it stops when they are through: at the `desk`, or in the `channel`, waiting for a message that does not come;
//! - `scene NAME SIDE`: a role of a scene;
//! - `crowd NAME SIDE`: the same, with very many channels;
//! - `hoard`: has very many blocks;
//! - `churn ROUNDS`: takes something of every kind and gives it back, so many times, and stops; and once more;
//! - `spin`: computes until it is told to go, or for a while;
//! - `serve`, `load PACE`: bystanders. One sends blocks back, the other sends them and looks at what comes back.
//!
//! Behind it may stand `bug N`, a bug to plant in this image.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use contracts::sabotage::plant_by;
use trial::desk::Desk;
use trial::play::side;
use trial::pose::Pose;
use trial::scenes::{Scene, Tally};
use trial::stock::with_contract;
use trial::trouble::Trouble;

mod bystander;
mod habits;
mod session;

use session::{Halt, Session};

rt::manifest! {
    main: main,
    uses: { desk: Desk },
    channels: 6000,
}

const BAD_ORDER: Trouble = Trouble::Wrong("an order cannot be read");

fn main(grants: Grants) -> Result<(), Trouble> {
    let words: Vec<&str> = plant_by(grants.argument).split_whitespace().collect();
    // Without an order it was started at boot, so that its image is kept.
    let Some((what, rest)) = words.split_first() else { return Ok(()) };
    let mut pose = Pose::new(grants.desk.here());
    let received = match (*what, rest) {
        ("play", [contract, part, seed, halt, messages @ ..]) => {
            let session = Session {
                pose: &mut pose,
                side: side(part).ok_or(BAD_ORDER)?,
                seed: seed.parse().map_err(|_| BAD_ORDER)?,
                halt: if *halt == "channel" { Halt::InChannel } else { Halt::AtDesk },
                messages: messages.iter().filter_map(|message| message.parse().ok()).collect(),
            };
            with_contract(contract.parse().map_err(|_| BAD_ORDER)?, session).ok_or(BAD_ORDER)??
        }
        ("scene" | "crowd", [name, part]) => {
            let _crowd = if *what == "crowd" { bystander::crowd()? } else { Vec::new() };
            let scene = Scene::named(name).ok_or(BAD_ORDER)?;
            let mut tally = Tally::default();
            match scene.play(side(part).ok_or(BAD_ORDER)?, &mut pose, &mut tally) {
                Ok(()) | Err(Trouble::Closed) => tally.received,
                Err(trouble) => return Err(trouble),
            }
        }
        ("hoard", []) => bystander::hoard(&mut pose)?,
        ("churn", [rounds]) => habits::churn(&mut pose, rounds.parse().map_err(|_| BAD_ORDER)?)?,
        ("spin", []) => habits::spin(&mut pose)?,
        ("serve", []) => bystander::serve(&mut pose)?,
        ("load", [pace]) => bystander::load(&mut pose, pace.parse().map_err(|_| BAD_ORDER)?)?,
        _ => return Err(BAD_ORDER),
    };
    pose.done(received)
}
