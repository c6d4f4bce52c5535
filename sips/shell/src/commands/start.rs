//! Commands that make others work: `run` and `ping`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use contracts::spec::console::console::{self, ClientWatching, Watching};
use contracts::spec::ping::pinger::ClientRunning as ClientPinging;
use contracts::spec::system::ending::{Running, Server, ServerRunning};
use contracts::spec::system::system::ClientStarting;
use contracts::spec::system::{Ending, Exit};
use contracts::{Closed, Contract, Either, EndpointSet, Exhausted, Name, Text};

use super::number;
use crate::Shell;
use crate::failure::{Failure, Shown};

/// Round trips asked for at once; between them Ctrl-C is looked for.
const ROUNDS: u64 = 10_000;

/// A process, and the terminal that may say Ctrl-C before it ends.
type Both = EndpointSet<Either<Server<Running>, console::Client<Watching>>>;

/// Processes that run on after Ctrl-C. Each set still holds the process, and nothing else.
#[derive(Default)]
pub(crate) struct Jobs(Vec<(Name, Both)>);

impl Shell {
    pub(super) fn ping(&mut self, rounds: &str) -> Result<(), Failure> {
        let wanted: u64 = number(rounds, "a number of round trips")?;
        let (mut made, mut nanoseconds, mut ticks) = (0, 0u64, 0u64);
        while made < wanted {
            let rounds = ROUNDS.min(wanted - made);
            match self.services.ping.take()?.run(rounds).receive().map_err(|Closed| Failure::Gone("ping"))? {
                ClientPinging::Done { nanoseconds: took, ticks: ticked, next } => {
                    self.services.ping.put(next);
                    nanoseconds = nanoseconds.saturating_add(took);
                    ticks = ticks.saturating_add(ticked);
                    made += rounds;
                }
                ClientPinging::Gone { next, .. } => {
                    self.services.ping.put(next);
                    return Err(Failure::Gone("pong"));
                }
            }
            if made < wanted {
                self.check_interrupt()?;
            }
        }
        self.say(format_args!(
            "{made} round trips in {}, {} and {} ticks each",
            duration(nanoseconds, 1),
            duration(nanoseconds, made),
            ticks / made
        ));
        Ok(())
    }

    /// Starts the image `sips/NAME`, or else the file NAME, and waits for its end or for Ctrl-C.
    pub(super) fn start(&mut self, name: &str, argument: &str) -> Result<(), Failure> {
        let about = |trouble: String| Failure::About(name.into(), trouble);
        let argument = Text::new(argument).map_err(|error| about(format!("its argument: {error}")))?;
        let image = match self.read_whole(&format!("sips/{name}")) {
            Err(Failure::NoSuchFile(_)) => self.read_whole(name)?,
            other => other?,
        };
        let name = Name::truncated(name);
        let (ending, process) =
            Ending::channel().map_err(|Exhausted| about("no memory for a channel".into()))?;
        let system = self.services.system.take()?;
        match system
            .start(name, image, argument, ending)
            .receive()
            .map_err(|Closed| Failure::Gone("system"))?
        {
            ClientStarting::Refused { reason, next } => {
                self.services.system.put(next);
                Err(Failure::Refused(reason.to_string()))
            }
            ClientStarting::Started { next, .. } => {
                self.services.system.put(next);
                self.wait(name, process)
            }
        }
    }

    fn wait(&mut self, name: Name, process: Server<Running>) -> Result<(), Failure> {
        // The process may want the shell's terminal: the shell watches for Ctrl-C by a channel of its own.
        let (Some(console), Ok(mut both)) = (self.terminal.another(), Both::new()) else {
            return ended(&name, process.receive());
        };
        both.insert(Either::This(process), ());
        both.insert(Either::That(console.watch()), ());
        match both.receive().received {
            Ok(Either::This(how)) => ended(&name, Ok(how)),
            Ok(Either::That(ClientWatching::CtrlC { .. })) => {
                self.jobs.0.push((name, both));
                Err(Failure::GoesOn(name.to_string()))
            }
            // The kernel answers for the process; without a console, nobody is there to be told.
            Err(Closed) => ended(&name, Err(Closed)),
        }
    }

    /// Says which of the processes that ran on have ended since.
    pub(crate) fn report_jobs(&mut self) {
        for (name, mut both) in core::mem::take(&mut self.jobs.0) {
            let ended = match both.try_receive().map(|event| event.received) {
                Some(Ok(Either::This(how))) => ended(&name, Ok(how)),
                Some(Ok(Either::That(_)) | Err(Closed)) => ended(&name, Err(Closed)),
                None => {
                    self.jobs.0.push((name, both));
                    continue;
                }
            };
            match ended {
                Ok(()) => self.say(format_args!("run: {}: ended", Shown(&name))),
                Err(failure) => self.say(format_args!("run: {failure}")),
            }
        }
    }
}

/// What there is to say about a process that ended: nothing if it succeeded.
fn ended(name: &str, received: Result<ServerRunning, Closed>) -> Result<(), Failure> {
    let ServerRunning::Ended { exit, message, fault } = received.map_err(|Closed| Failure::Gone("system"))?;
    if exit == Exit::Success {
        return Ok(());
    }
    Err(Failure::About(name.into(), exit.recorded(&message, fault).to_string()))
}

/// A duration divided by `parts`, in the unit that suits it.
fn duration(nanoseconds: u64, parts: u64) -> String {
    let each = nanoseconds as f64 / parts as f64;
    match each {
        ..1e3 => format!("{each:.0} ns"),
        ..1e6 => format!("{:.3} us", each / 1e3),
        ..1e9 => format!("{:.3} ms", each / 1e6),
        _ => format!("{:.3} s", each / 1e9),
    }
}
