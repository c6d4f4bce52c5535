//! Starts `hostile` or `impostor` once for each way to attack, several times over, and reports how each ended and what
//! memory was left then, as lines `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::archive::Archive;
use contracts::spec::archive::archive;
use contracts::spec::probe::Probe;
use contracts::spec::probe::probe::{self, ClientSumming};
use contracts::spec::system::ending::ServerRunning;
use contracts::spec::system::system::{self, ClientStarting};
use contracts::spec::system::{Ending, Exit, Outcome, System};
use contracts::time::sleep_until;
use contracts::{Contract, Instant, Name, Text};
use trial::files;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { archive: Archive, probe: Probe, system: System },
}

/// The file with what to try: how often all of it, and a line each, the argument of one attacker.
const CASES: &str = "cases";
/// Bytes of a frame.
const PAGE: u64 = 4096;

fn main(grants: Grants) {
    let office = Office { archive: grants.archive, probe: grants.probe, system: grants.system };
    match run(office) {
        Ok(system) => system.shutdown(Outcome::Success),
        // The system ends with its last process.
        Err(trouble) => rt::log!("{trouble}"),
    }
}

/// Whom it asks.
struct Office {
    archive: archive::Client<archive::Ready>,
    probe: probe::Client<probe::Ready>,
    system: system::Client<system::Ready>,
}

fn run(mut office: Office) -> Result<system::Client<system::Ready>, Trouble> {
    let cases;
    (office.archive, cases) = files::read(office.archive, CASES)?;
    let cases = core::str::from_utf8(&cases).map_err(|_| Trouble::Wrong("the cases are no text"))?;
    let (rounds, cases) = cases.split_once('\n').ok_or(Trouble::Wrong("there are no cases"))?;
    let rounds: usize = rounds.parse().map_err(|_| Trouble::Wrong("the number of rounds cannot be read"))?;
    let cases: Vec<&str> = cases.lines().collect();
    for round in 0..rounds {
        for case in &cases {
            office = office.attack(round, case)?;
        }
        office = office.report(round)?;
    }
    Ok(office.system)
}

impl Office {
    /// Starts an attacker and waits for its end.
    fn attack(mut self, round: usize, case: &str) -> Result<Self, Trouble> {
        // One that attacks with messages, or with anything else.
        let (attacker, argument) = match case.split_once(' ') {
            Some(("impostor", argument)) => ("impostor", argument),
            _ => ("hostile", case),
        };
        let image;
        let file = Name::of(format_args!("sips/{attacker}"));
        (self.archive, image) = files::read(self.archive, &file)?;
        let (client, ending) = Ending::channel()?;
        let request = self.system.start(Name::truncated(attacker), image, Text::truncated(argument), client);
        self.system = match request.receive()? {
            ClientStarting::Started { next, .. } => next,
            ClientStarting::Refused { reason, .. } => {
                rt::log!("{reason}");
                return Err(Trouble::Wrong("an attacker was refused"));
            }
        };
        let ServerRunning::Ended { exit, message, .. } = ending.receive()?;
        // Its words, as one.
        let case = case.replace(' ', "/");
        rt::log!("fact end round={round} case={case} exit={}", name(exit));
        rt::log!("fact said-{case} {message}");
        Ok(self)
    }

    /// Reports how much memory there is: in `bytes`, what is free, and what the kernel's heap has.
    fn report(mut self, round: usize) -> Result<Self, Trouble> {
        // Those whom they talked to hear of their ends, too.
        sleep_until(Instant::now() + Duration::from_millis(50));
        let ClientSumming::Sums { totals, memory, next } = self.probe.sum().receive()?;
        self.probe = next;
        rt::log!(
            "fact memory round={round} bytes={} channels={} blocks={}",
            memory.free_frames * PAGE + memory.kernel_heap_mapped,
            memory.channels,
            totals.blocks
        );
        Ok(self)
    }
}

fn name(exit: Exit) -> &'static str {
    match exit {
        Exit::Success => "success",
        Exit::Failure => "failure",
        Exit::Panic => "panic",
        Exit::Fault => "fault",
        Exit::Memory => "memory",
        Exit::Time => "time",
        Exit::Killed => "killed",
    }
}
