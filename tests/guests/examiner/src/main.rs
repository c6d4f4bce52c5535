//! Tries out what contracts can do, check by check, and reports as lines `fact KIND KEY=VALUE...` in the kernel's log.
//!
//! Its priority is greater than the assistant's, so that what it does between two waits is done in one go, as far as the
//! assistant can see.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::directory::Directory;
use contracts::spec::probe::Probe;
use contracts::spec::system::{Outcome, System};
use trial::tally::Tally;

mod crowd;
mod delegation;
mod extension;
mod hall;
mod selecting;
mod streams;
mod waiting;

use hall::{Check, Hall};

rt::manifest! {
    main: main,
    // A client of the base; the porter speaks an extension of it.
    uses: { porter: Tally, directory: Directory, probe: Probe, system: System },
    memory: 32 << 20,
    priority: trial::assist::PRIORITY + 1,
    channels: 50_000,
}

const CHECKS: [&[(&str, Check)]; 6] = [
    streams::CHECKS,
    extension::CHECKS,
    delegation::CHECKS,
    waiting::CHECKS,
    selecting::CHECKS,
    crowd::CHECKS,
];

fn main(grants: Grants) {
    let mut hall = Hall::new(grants.porter, grants.directory, grants.probe);
    let mut outcome = Outcome::Success;
    for (name, check) in CHECKS.into_iter().flatten() {
        match check(&mut hall) {
            Ok(()) => rt::log!("fact check name={name} passed=true"),
            Err(trouble) => {
                rt::log!("{name}: {trouble}");
                rt::log!("fact check name={name} passed=false");
                outcome = Outcome::Failure;
            }
        }
    }
    grants.system.shutdown(outcome);
}
