//! Starts twins, one after the other, and reports what each took and where it lies, as lines `fact KIND KEY=VALUE...`
//! in the kernel's log. In the end none is left.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::spec::archive::Archive;
use contracts::spec::archive::archive;
use contracts::spec::probe::Probe;
use contracts::spec::probe::probe::{self, ClientSumming, ClientTranslating};
use contracts::spec::system::ending::{self, ServerRunning};
use contracts::spec::system::system::{self, ClientListing, ClientStarting};
use contracts::spec::system::{Ending, Exit, Outcome, System};
use contracts::{Contract, EndpointSet, Name, Text};
use rt::clock::ticks;
use trial::files;
use trial::roll::roll::{self, ServerCalling};
use trial::roll::{Places, Roll};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    provides: { roll: Roll },
    uses: { archive: Archive, probe: Probe, system: System },
}

/// Twins that are there at once.
const TWINS: usize = 4;

fn main(grants: Grants) {
    let office = Office {
        archive: grants.archive,
        probe: grants.probe,
        system: grants.system,
        desk: grants.roll.clients(),
    };
    match run(office) {
        Ok(system) => system.shutdown(Outcome::Success),
        // The system ends with its last process.
        Err(trouble) => rt::log!("{trouble}"),
    }
}

/// Whom it asks, and where twins call.
struct Office {
    archive: archive::Client<archive::Ready>,
    probe: probe::Client<probe::Ready>,
    system: system::Client<system::Ready>,
    desk: EndpointSet<roll::Server<roll::Calling>>,
}

/// A twin that stays.
struct Twin {
    staying: roll::Server<roll::Staying>,
    ending: ending::Server<ending::Running>,
}

fn run(mut office: Office) -> Result<system::Client<system::Ready>, Trouble> {
    // The first round makes what is made once.
    for round in 0..2 {
        let mut twins = [const { None }; TWINS];
        office = office.report(round, 0)?;
        for (index, place) in twins.iter_mut().enumerate() {
            let (twin, places);
            (office, twin, places) = office.start(round)?;
            *place = Some(twin);
            office = office.report(round, index + 1)?;
            office = office.look(round, places)?;
            office = office.listed(round)?;
        }
        for Twin { staying, ending } in twins.into_iter().flatten() {
            staying.go();
            match ending.receive()? {
                ServerRunning::Ended { exit: Exit::Success, .. } => {}
                ServerRunning::Ended { exit, message, .. } => {
                    rt::log!("{exit:?} {message}");
                    return Err(Trouble::Wrong("a twin did not end well"));
                }
            }
        }
        office = office.report(round, 0)?;
    }
    Ok(office.system)
}

impl Office {
    /// Reads the image and starts a twin from it.
    fn start(mut self, round: u32) -> Result<(Self, Twin, Places), Trouble> {
        let image;
        (self.archive, image) = files::read(self.archive, "sips/twin")?;
        let (client, ending) = Ending::channel()?;
        let before = ticks();
        let request = self.system.start(Name::truncated("twin"), image, Text::truncated(""), client);
        self.system = match request.receive()? {
            ClientStarting::Started { next, .. } => next,
            ClientStarting::Refused { reason, .. } => {
                rt::log!("{reason}");
                return Err(Trouble::Wrong("a twin was refused"));
            }
        };
        let ServerCalling::Here { places, next } = self.desk.receive().received?;
        rt::log!("fact start round={round} ticks={}", places.began - before);
        Ok((self, Twin { staying: next, ending }, places))
    }

    /// Reports how much memory there is with so many twins.
    fn report(mut self, round: u32, twins: usize) -> Result<Self, Trouble> {
        let ClientSumming::Sums { totals, memory, next } = self.probe.sum().receive()?;
        self.probe = next;
        rt::log!(
            "fact memory round={round} twins={twins} free_frames={} kernel_heap={} channels={} mapped={}",
            memory.free_frames,
            memory.kernel_heap,
            memory.channels,
            totals.mapped
        );
        Ok(self)
    }

    /// Reports what the list of processes says of the latest twin.
    fn listed(mut self, round: u32) -> Result<Self, Trouble> {
        let ClientListing::ProcessList { processes, next } = self.system.processes().receive()?;
        self.system = next;
        let twin = processes.last().filter(|process| process.name.as_str() == "twin");
        let twin = twin.ok_or(Trouble::Wrong("the latest twin is not listed"))?;
        rt::log!("fact listed round={round} memory={} shared={}", twin.memory, twin.shared);
        Ok(self)
    }

    /// Reports where a twin's parts lie in physical memory.
    fn look(mut self, round: u32, places: Places) -> Result<Self, Trouble> {
        let Places { code, constant, pointer, variable, stack, .. } = places;
        let parts = [code, constant, pointer, variable, stack];
        let mut physical = [u64::MAX; 5];
        for (address, physical) in parts.into_iter().zip(&mut physical) {
            self.probe = match self.probe.translate(address).receive()? {
                ClientTranslating::Physical { address, next } => {
                    *physical = address;
                    next
                }
                ClientTranslating::Unmapped { next } => next,
            };
        }
        let [code, constant, pointer, variable, stack] = physical;
        rt::log!(
            "fact twin round={round} code={code} constant={constant} pointer={pointer} variable={variable} \
            stack={stack}"
        );
        Ok(self)
    }
}
