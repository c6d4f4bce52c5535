//! Lets processes fail, and writes what the kernel keeps of each into its log, in lines `record CASE| TEXT`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::archive::{Archive, archive};
use contracts::spec::system::ending::{self, ServerRunning};
use contracts::spec::system::system::{self, ClientKilling, ClientReadingFault, ClientStarting};
use contracts::spec::system::{Ending, Outcome, System};
use contracts::time::sleep_until;
use contracts::{Contract, Instant, Name, Text};
use trial::files;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { archive: Archive, system: System },
    priority: 12,
}

/// What fails by itself.
const FAILING: [&str; 21] = [
    "body",
    "panic",
    "channels",
    "bounds",
    "expect",
    "format",
    "leaf",
    "copy",
    "astray",
    "entry",
    "kernel",
    "loop",
    "frame 0",
    "frame 1",
    // Not canonical, the last word, the kernel's code, and the middle of the exchange heap.
    "frame 9223372036854775808",
    "frame 18446744073709551608",
    "frame 18446744071562067968",
    "frame 18446694797138264064",
    "stack 8",
    "stack 9223372036854775808",
    "stack 18446744073709551608",
];
/// What has to be ended, and how often that is done, each time at another moment.
const LASTING: [(&str, u64); 2] = [("spin", 40), ("wait", 1)];

fn main(grants: Grants) {
    match (Witness { archive: grants.archive, system: grants.system }).run() {
        Ok(system) => system.shutdown(Outcome::Success),
        // The system ends with its last process.
        Err(trouble) => rt::log!("{trouble}"),
    }
}

/// Whom it asks.
struct Witness {
    archive: archive::Client<archive::Ready>,
    system: system::Client<system::Ready>,
}

type Running = ending::Server<ending::Running>;

impl Witness {
    fn run(mut self) -> Result<system::Client<system::Ready>, Trouble> {
        for case in FAILING {
            let ending;
            (self, ending, _) = self.start(case)?;
            self = self.report(case, ending)?;
        }
        for (case, times) in LASTING {
            for time in 0..times {
                let (ending, sip);
                (self, ending, sip) = self.start(case)?;
                // It runs while this one sleeps.
                sleep_until(Instant::now() + Duration::from_micros(5_000 + 137 * time));
                self.system = match self.system.kill(sip).receive()? {
                    ClientKilling::Killed { next } => next,
                    ClientKilling::NoSuchProcess { .. } => return Err(Trouble::Wrong("it ended by itself")),
                };
                self = self.report(case, ending)?;
            }
        }
        Ok(self.system)
    }

    fn start(mut self, case: &str) -> Result<(Self, Running, u32), Trouble> {
        let image;
        (self.archive, image) = files::read(self.archive, "sips/nested")?;
        let (client, ending) = Ending::channel()?;
        let request = self.system.start(Name::truncated("nested"), image, Text::truncated(case), client);
        match request.receive()? {
            ClientStarting::Started { sip, next } => Ok((Witness { system: next, ..self }, ending, sip)),
            ClientStarting::Refused { reason, .. } => {
                rt::log!("{reason}");
                Err(Trouble::Wrong("it was refused"))
            }
        }
    }

    /// Waits for the end, and writes down the record of it.
    fn report(mut self, case: &str, ending: Running) -> Result<Self, Trouble> {
        let ServerRunning::Ended { fault, .. } = ending.receive()?;
        self.system = match self.system.fault(fault).receive()? {
            ClientReadingFault::FaultText { text, next } => {
                let text = core::str::from_utf8(&text).map_err(|_| Trouble::Wrong("it is not UTF-8"))?;
                text.lines().for_each(|line| rt::log!("record {case}| {line}"));
                rt::log!("record {case}| end");
                next
            }
            ClientReadingFault::NoSuchFault { .. } => return Err(Trouble::Wrong("there is no record")),
        };
        Ok(self)
    }
}
