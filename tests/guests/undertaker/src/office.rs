//! Whom the undertaker asks, and where processes report.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use contracts::sabotage::BUGS;
use contracts::spec::archive::archive;
use contracts::spec::directory::directory::{self, ClientLookingUp};
use contracts::spec::injector::injector::{
    self, ClientCounting, ClientFeeding, ClientPlanting, ClientStarving, ClientStriking, ClientTrimming,
};
use contracts::spec::injector::{Blow, Famine};
use contracts::spec::probe::probe::{self, ClientSumming};
use contracts::spec::supervisor::WatchedProcess;
use contracts::spec::supervisor::supervisor::{self, ClientRestarting, ClientSurveying};
use contracts::spec::system::ending::{self, ServerRunning};
use contracts::spec::system::system::{
    self, ClientKilling, ClientListing, ClientListingChannels, ClientListingFaults, ClientReadingFault,
    ClientStarting, ClientSumming as ClientSummingBlocks,
};
use contracts::spec::system::{Ending, Exit, Outcome, System};
use contracts::time::sleep_until;
use contracts::{AnyEndpoint, Contract, EndpointSet, Instant, Name, ReceiveByError, Service, Text};
use rt::reconnect::Port;
use trial::desk::{Desk, desk};
use trial::files;
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::Sums;

/// Whatever happens to a process, its peers and its watcher know it after this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process under observation.
pub(crate) struct Patient {
    pub(crate) sip: u32,
    ending: ending::Server<ending::Running>,
}

/// Something that the kernel answers at length.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    Processes,
    Channels,
    Blocks,
}

/// How a process ended.
pub(crate) struct Death {
    pub(crate) exit: Exit,
    pub(crate) message: Text<300>,
    /// The number of its record; 0 is none.
    pub(crate) fault: u32,
}

/// All that the undertaker has.
pub(crate) struct Office {
    desk: EndpointSet<desk::Server<desk::Calling>>,
    // Each is none during a call only.
    archive: Option<archive::Client<archive::Ready>>,
    directory: Option<directory::Client<directory::Ready>>,
    system: Option<system::Client<system::Ready>>,
    system_port: Port<System>,
    probe: Option<probe::Client<probe::Ready>>,
    injector: Option<injector::Client<injector::Ready>>,
    supervisor: Option<supervisor::Client<supervisor::Ready>>,
    held: Option<Sums>,
    /// What orders to victims end with.
    pub(crate) bug: usize,
}

impl Office {
    pub(crate) fn new(
        desk: Service<Desk>,
        archive: archive::Client<archive::Ready>,
        directory: directory::Client<directory::Ready>,
        (system, system_port): (system::Client<system::Ready>, Port<System>),
        probe: probe::Client<probe::Ready>,
        injector: injector::Client<injector::Ready>,
        supervisor: supervisor::Client<supervisor::Ready>,
    ) -> Self {
        Office {
            desk: desk.clients(),
            archive: Some(archive),
            directory: Some(directory),
            system: Some(system),
            system_port,
            probe: Some(probe),
            injector: Some(injector),
            supervisor: Some(supervisor),
            held: None,
            bug: 0,
        }
    }

    /// Ends the system.
    pub(crate) fn shutdown(self, outcome: Outcome) {
        if let Some(system) = self.system {
            system.shutdown(outcome);
        }
    }

    /// Until when something may be waited for that is to happen now.
    pub(crate) fn soon() -> Instant {
        Instant::now() + PATIENCE
    }

    /// Lets others run for a tick of the timer.
    pub(crate) fn rest(&self) {
        sleep_until(Instant::now() + Duration::from_millis(4));
    }

    /// Starts the process `name`.
    pub(crate) fn start(&mut self, name: &str, order: &str) -> Result<Patient, Trouble> {
        self.try_start(name, order)?.ok_or(Trouble::Wrong("a process was not started"))
    }

    /// Starts the process `name`; none if the kernel refuses.
    pub(crate) fn try_start(&mut self, name: &str, order: &str) -> Result<Option<Patient>, Trouble> {
        let (client, ending) = Ending::channel()?;
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let request = system.start_boot(Name::truncated(name), Text::truncated(order), client);
        match request.receive()? {
            ClientStarting::Started { sip, next } => {
                self.system = Some(next);
                Ok(Some(Patient { sip, ending }))
            }
            ClientStarting::Refused { reason, next } => {
                self.system = Some(next);
                rt::log!("{reason}");
                Ok(None)
            }
        }
    }

    /// What the kernel is asked that has long answers.
    pub(crate) const QUESTIONS: [Question; 3] = [Question::Processes, Question::Channels, Question::Blocks];

    /// Asks the kernel for all its long answers. True if it had the memory for all of them.
    pub(crate) fn hears_at_length(&mut self) -> Result<bool, Trouble> {
        let mut is_answered = true;
        for question in Self::QUESTIONS {
            is_answered &= self.hears(question)?;
        }
        Ok(is_answered)
    }

    /// Asks the kernel. True if it had the memory for the answer.
    pub(crate) fn hears(&mut self, question: Question) -> Result<bool, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let next = match question {
            Question::Processes => {
                system.processes().receive().map(|ClientListing::ProcessList { next, .. }| next)
            }
            Question::Channels => {
                system.channels().receive().map(|ClientListingChannels::ChannelList { next, .. }| next)
            }
            Question::Blocks => {
                system.blocks().receive().map(|ClientSummingBlocks::BlockSums { next, .. }| next)
            }
        };
        self.system = next.ok();
        let is_answered = self.system.is_some();
        self.find_system();
        Ok(is_answered)
    }

    /// Connects to the kernel again, if it had no memory for an answer.
    pub(crate) fn find_system(&mut self) {
        self.system = self.system.take().or_else(|| self.system_port.connect());
    }

    /// Starts a victim with this order, and with the bug that is planted in victims.
    pub(crate) fn start_victim(&mut self, order: &str) -> Result<Patient, Trouble> {
        self.start_planted("victim", order)
    }

    /// As [`Office::start_victim`], another that can be told of a bug.
    pub(crate) fn start_planted(&mut self, name: &str, order: &str) -> Result<Patient, Trouble> {
        match self.bug {
            0 => self.start(name, order),
            bug => self.start(name, &alloc::format!("{order} bug {bug}")),
        }
    }

    /// How a process fares that the supervisor starts.
    pub(crate) fn fares(&mut self, name: &str) -> Result<WatchedProcess, Trouble> {
        let supervisor = self.supervisor.take().ok_or(Trouble::Closed)?;
        let ClientSurveying::Watched { processes, next } = supervisor.survey().receive()?;
        self.supervisor = Some(next);
        let watched = processes.iter().find(|process| &*process.name == name);
        watched.copied().ok_or(Trouble::Wrong("a process is not watched"))
    }

    /// Has the supervisor start a process that it has given up.
    pub(crate) fn restart(&mut self, name: &str) -> Result<(), Trouble> {
        let supervisor = self.supervisor.take().ok_or(Trouble::Closed)?;
        let ClientRestarting::Restarted { next, .. } = supervisor.restart(Name::truncated(name)).receive()?
        else {
            return Err(Trouble::Wrong("a process was not started"));
        };
        self.supervisor = Some(next);
        Ok(())
    }

    /// A new channel to the service of that name, if there is one.
    pub(crate) fn look_up(&mut self, name: &str, fingerprint: u64) -> Result<Option<AnyEndpoint>, Trouble> {
        let directory = self.directory.take().ok_or(Trouble::Closed)?;
        let (found, next) = match directory.lookup(Name::truncated(name), fingerprint).receive()? {
            ClientLookingUp::Found { endpoint, next } => (Some(endpoint), next),
            ClientLookingUp::Unknown { next } | ClientLookingUp::Refused { next, .. } => (None, next),
        };
        self.directory = Some(next);
        Ok(found)
    }

    /// Starts the process in a file of the boot archive.
    pub(crate) fn start_file(&mut self, name: &str, order: &str) -> Result<Patient, Trouble> {
        let (archive, image) = files::read(self.archive.take().ok_or(Trouble::Closed)?, name)?;
        self.archive = Some(archive);
        let (client, ending) = Ending::channel()?;
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let request = system.start(Name::truncated(name), image, Text::truncated(order), client);
        let ClientStarting::Started { sip, next } = request.receive()? else {
            return Err(Trouble::Wrong("a process was not started"));
        };
        self.system = Some(next);
        Ok(Patient { sip, ending })
    }

    /// The text of a fault's record.
    pub(crate) fn record(&mut self, fault: u32) -> Result<String, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientReadingFault::FaultText { text, next } = system.fault(fault).receive()? else {
            return Err(Trouble::Wrong("a record is not kept"));
        };
        self.system = Some(next);
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Numbers of the records that are kept, oldest first.
    pub(crate) fn records(&mut self) -> Result<Vec<u32>, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientListingFaults::FaultList { faults, next } = system.faults().receive()?;
        self.system = Some(next);
        Ok(faults.iter().map(|fault| fault.number).collect())
    }

    /// The one that was started last, at the desk.
    pub(crate) fn pose(&mut self) -> Result<desk::Server<desk::Posing>, Trouble> {
        let event = self.desk.receive_by(Self::soon()).ok_or(Trouble::Wrong("a process does not come"))?;
        let desk::ServerCalling::Here { next } = event.received?;
        Ok(next)
    }

    /// Parts with processes that were to come to the desk, and were not started after all.
    pub(crate) fn dismiss(&mut self) {
        while self.desk.receive_by(Instant::now()).is_some() {}
    }

    /// Has a process ended.
    pub(crate) fn kill(&mut self, sip: u32) -> Result<(), Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let (killed, next) = match system.kill(sip).receive()? {
            ClientKilling::Killed { next } => (true, next),
            ClientKilling::NoSuchProcess { next } => (false, next),
        };
        self.system = Some(next);
        if killed { Ok(()) } else { Err(Trouble::Wrong("a process cannot be ended")) }
    }

    /// Waits until a process has ended and all that it had was given back; how it ended.
    pub(crate) fn end_of(&mut self, patient: Patient) -> Result<Exit, Trouble> {
        let Death { exit, message, .. } = self.death_of(patient)?;
        if !message.is_empty() {
            rt::log!("{exit:?}: {}", &*message);
        }
        Ok(exit)
    }

    /// As [`Office::end_of`]; all that is said of it.
    pub(crate) fn death_of(&mut self, patient: Patient) -> Result<Death, Trouble> {
        match patient.ending.receive_by(Self::soon()) {
            Ok(ServerRunning::Ended { exit, message, fault }) => Ok(Death { exit, message, fault }),
            Err(ReceiveByError::TimedOut(_)) => Err(Trouble::Wrong("a process does not end")),
            Err(_) => Err(Trouble::Wrong("nobody says how a process ended")),
        }
    }

    /// Numbers of the processes that have this name; of all if it is empty.
    pub(crate) fn processes(&mut self, name: &str) -> Result<Vec<u32>, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
        self.system = Some(next);
        let named = processes.iter().filter(|process| name.is_empty() || &*process.name == name);
        Ok(named.map(|process| process.id).collect())
    }

    /// Refuses memory to a process, or to the kernel, which is number 0.
    pub(crate) fn starve(&mut self, sip: u32, after: u64, famine: Famine) -> Result<(), Trouble> {
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let ClientStarving::Starved { next } = injector.starve(sip, after, famine).receive()?;
        self.injector = Some(next);
        Ok(())
    }

    /// Refuses memory to nobody any more. How often it was refused.
    pub(crate) fn feed(&mut self) -> Result<u64, Trouble> {
        self.feed_counting().map(|(_, refused)| refused)
    }

    /// As [`Office::feed`]; also how often it was asked for.
    pub(crate) fn feed_counting(&mut self) -> Result<(u64, u64), Trouble> {
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let ClientFeeding::Fed { asked, refused, next } = injector.feed().receive()?;
        self.injector = Some(next);
        Ok((asked, refused))
    }

    /// Counts the instructions of a process, and strikes after so many.
    pub(crate) fn strike(&mut self, sip: u32, after: u64, blow: Blow) -> Result<(), Trouble> {
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let (aimed, next) = match injector.strike(sip, after, blow).receive()? {
            ClientStriking::Aimed { next } => (true, next),
            ClientStriking::NoSuchProcess { next } => (false, next),
        };
        self.injector = Some(next);
        if aimed { Ok(()) } else { Err(Trouble::Wrong("a process to be struck is not there")) }
    }

    /// Instructions and blows since the last [`Office::strike`].
    pub(crate) fn count(&mut self) -> Result<(u64, u64), Trouble> {
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let ClientCounting::Counted { instructions, blows, next } = injector.count().receive()?;
        self.injector = Some(next);
        Ok((instructions, blows))
    }

    /// Plants a bug, in the kernel and in each victim from now on.
    pub(crate) fn plant(&mut self, number: usize) -> Result<(), Trouble> {
        let bug = BUGS.get(number).ok_or(crate::orders::BAD)?;
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let ClientPlanting::Planted { next } = injector.plant(*bug).receive()?;
        self.injector = Some(next);
        self.bug = number;
        rt::log!("fact planted bug={}", alloc::format!("{bug:?}").to_string());
        Ok(())
    }

    /// What the system holds.
    pub(crate) fn sums(&mut self) -> Result<Sums, Trouble> {
        let injector = self.injector.take().ok_or(Trouble::Closed)?;
        let ClientTrimming::Trimmed { kept, next } = injector.trim().receive()?;
        self.injector = Some(next);
        let probe = self.probe.take().ok_or(Trouble::Closed)?;
        let ClientSumming::Sums { totals, memory, next } = probe.sum().receive()?;
        self.probe = Some(next);
        Ok(Sums::of(&totals, &memory, &kept))
    }

    /// What the system is known to hold when nothing is going on.
    pub(crate) fn held(&mut self) -> Result<Sums, Trouble> {
        match self.held {
            Some(held) => Ok(held),
            None => {
                // Until what was told to end before has done so.
                self.rest();
                let held = self.sums()?;
                self.held = Some(held);
                Ok(held)
            }
        }
    }

    /// The system is about to hold something else for good.
    pub(crate) fn forget(&mut self) {
        self.held = None;
    }
}

/// The undertaker's side of a conversation with the process at the desk.
pub(crate) struct Opposite {
    posing: Option<desk::Server<desk::Posing>>,
    pub(crate) playing: Option<desk::Server<desk::Playing>>,
}

impl Opposite {
    pub(crate) fn of(posing: desk::Server<desk::Posing>) -> Self {
        Opposite { posing: Some(posing), playing: None }
    }

    /// What the process says when it is through.
    pub(crate) fn done(&mut self) -> Result<u64, Trouble> {
        let playing = self.playing.take().ok_or(Trouble::Closed)?;
        match playing.receive_by(Office::soon()) {
            Ok(desk::ServerPlaying::Done { received }) => Ok(received),
            _ => Err(Trouble::Closed),
        }
    }

    /// Waits until the process has come to where it stops.
    pub(crate) fn halted(&mut self) -> Result<desk::Server<desk::Halted>, Trouble> {
        let playing = self.playing.take().ok_or(Trouble::Closed)?;
        match playing.receive_by(Office::soon()) {
            Ok(desk::ServerPlaying::Halted { next }) => Ok(next),
            _ => Err(Trouble::Wrong("a process does not come to where it stops")),
        }
    }
}

impl Stage for Opposite {
    fn give(&mut self, end: AnyEndpoint) -> Result<(), Trouble> {
        let posing = self.posing.take().ok_or(Trouble::Closed)?;
        self.playing = Some(posing.take(end));
        Ok(())
    }

    fn take(&mut self) -> Result<AnyEndpoint, Trouble> {
        let posing = self.posing.take().ok_or(Trouble::Closed)?;
        let desk::ServerMaking::Made { end, next } = posing.make().receive()?;
        self.playing = Some(next.go());
        Ok(end)
    }
}
