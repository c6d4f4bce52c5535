//! Ends a process of little priority with much memory, while one that outranks it never waits, and sees whether the ends of
//! others have to wait for that. It reports in a line `fact inheritance KEY=VALUE...` of the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::probe::Probe;
use contracts::spec::probe::probe::{self, ClientSumming};
use contracts::spec::system::ending::{Running, Server, ServerRunning};
use contracts::spec::system::system::{self, ClientKilling, ClientListing, ClientStarting};
use contracts::spec::system::{BlockTotals, Ending, Outcome, ProcessInfo, System};
use contracts::time::sleep_until;
use contracts::{Contract, Instant, Name, ReceiveByError, Text};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { probe: Probe, pong: PingPong, system: System },
    priority: 20,
}

/// Bytes that `toiler` has when it is killed.
const MUCH: u64 = 4 << 20;
/// More than any of the ends takes.
const LONG: Duration = Duration::from_secs(2);
const SHORT: Duration = Duration::from_millis(20);

fn main(grants: Grants) -> Result<(), Trouble> {
    let mut office = Office { probe: Some(grants.probe), system: Some(grants.system) };
    let before = office.blocks()?;
    // Nobody waits for its end.
    let (toiler, ending) = office.start("toiler")?;
    drop(ending);
    while office.process("toiler")?.is_none_or(|process| process.blocks < MUCH) {
        pause(SHORT);
    }
    let (spinner, spinners_end) = office.start("spinner")?;
    let (urgent, urgents_end) = office.start("urgent")?;
    let pong = office.process("pong")?.ok_or(Trouble::Wrong("pong does not run"))?.id;
    office.kill(toiler)?;
    // The reaper is at it, and does not get the core.
    pause(SHORT);
    let held = office.blocks()?.bytes.saturating_sub(before.bytes);
    office.kill(urgent)?;
    let told = is_told(urgents_end);
    let waiting = grants.pong.ping(1);
    office.kill(pong)?;
    let closed = matches!(waiting.receive_by(Instant::now() + LONG), Err(ReceiveByError::Closed));
    let still_held = office.blocks()?.bytes.saturating_sub(before.bytes);
    office.kill(spinner)?;
    let told_of_spinner = is_told(spinners_end);
    pause(LONG);
    let left = office.blocks()?.mapped.saturating_sub(before.mapped);
    rt::log!(
        "fact inheritance held={held} told={told} closed={closed} still_held={still_held} \
         spinner={told_of_spinner} left={left}"
    );
    office.system.take().ok_or(Trouble::Closed)?.shutdown(Outcome::Success);
    Ok(())
}

fn pause(duration: Duration) {
    sleep_until(Instant::now() + duration);
}

/// Whether the end of a process is told before long.
fn is_told(ending: Server<Running>) -> bool {
    matches!(ending.receive_by(Instant::now() + LONG), Ok(ServerRunning::Ended { .. }))
}

struct Office {
    probe: Option<probe::Client<probe::Ready>>,
    system: Option<system::Client<system::Ready>>,
}

impl Office {
    fn start(&mut self, name: &str) -> Result<(u32, Server<Running>), Trouble> {
        let (client, ending) = Ending::channel()?;
        let system = self.system.take().ok_or(Trouble::Closed)?;
        match system.start_boot(Name::truncated(name), Text::truncated(""), client).receive()? {
            ClientStarting::Started { sip, next } => {
                self.system = Some(next);
                Ok((sip, ending))
            }
            ClientStarting::Refused { .. } => Err(Trouble::Wrong("a process is refused")),
        }
    }

    fn kill(&mut self, sip: u32) -> Result<(), Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientKilling::Killed { next } = system.kill(sip).receive()? else {
            return Err(Trouble::Wrong("a process has ended by itself"));
        };
        self.system = Some(next);
        Ok(())
    }

    fn process(&mut self, name: &str) -> Result<Option<ProcessInfo>, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
        self.system = Some(next);
        Ok(processes.iter().find(|process| &*process.name == name).copied())
    }

    fn blocks(&mut self) -> Result<BlockTotals, Trouble> {
        let probe = self.probe.take().ok_or(Trouble::Closed)?;
        let ClientSumming::Sums { totals, next, .. } = probe.sum().receive()?;
        self.probe = Some(next);
        Ok(totals)
    }
}
