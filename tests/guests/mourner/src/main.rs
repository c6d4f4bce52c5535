//! Starts `mortal` for each way to die at each point of what it says, and finds each time that it receives all that was said
//! and then `Closed`, that the end and its record are as they should be, and that in the end nothing is left. It reports as
//! lines `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::ping::ping_pong;
use contracts::spec::probe::Probe;
use contracts::spec::probe::probe::{self, ClientSumming};
use contracts::spec::system::ending::{self, ServerRunning};
use contracts::spec::system::system::{self, ClientKilling, ClientReadingFault, ClientStarting};
use contracts::spec::system::{Ending, Exit, Outcome, System};
use contracts::time::sleep_until;
use contracts::{Contract, EndpointSet, Instant, Name, ReceiveByError, Text};
use trial::farewell::farewell::{Bringing, Leaving, Living, Server, ServerLiving};
use trial::farewell::{BLOCK, Farewell, NUMBERS, POINTS, Point};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    provides: { mourner: Farewell },
    uses: { probe: Probe, system: System },
    priority: 12,
}

/// Each way to die, and how its end is called.
const WAYS: [(&str, Exit); 15] = [
    ("return", Exit::Success),
    ("failure", Exit::Failure),
    ("panic", Exit::Panic),
    ("null", Exit::Fault),
    ("write", Exit::Fault),
    ("jump", Exit::Fault),
    ("divide", Exit::Fault),
    ("illegal", Exit::Fault),
    ("protection", Exit::Fault),
    ("overflow", Exit::Fault),
    ("memory", Exit::Memory),
    ("spin", Exit::Time),
    ("kill", Exit::Killed),
    ("threads-null", Exit::Fault),
    ("threads-kill", Exit::Killed),
];
/// The first fill what the kernel keeps of faults.
const ROUNDS: usize = 3;
/// Whatever dies, its peers and its watcher know it after this time.
const PATIENCE: Duration = Duration::from_secs(5);

fn main(grants: Grants) {
    let mut house =
        House { bedside: grants.mourner.clients(), probe: Some(grants.probe), system: Some(grants.system) };
    let outcome = match house.mourn_all() {
        Ok(()) => Outcome::Success,
        Err(trouble) => {
            rt::log!("{trouble}");
            Outcome::Failure
        }
    };
    if let Some(system) = house.system {
        system.shutdown(outcome);
    }
}

/// What it has of one that is about to die: the end by which it listens, in whatever state, and what it was given.
enum Heard {
    Living(Server<Living>),
    Leaving(Server<Leaving>, contracts::ExBox<[u8]>),
    Bringing(Server<Bringing>),
}

struct House {
    bedside: EndpointSet<Server<Living>>,
    // Each is none during a call only.
    probe: Option<probe::Client<probe::Ready>>,
    system: Option<system::Client<system::Ready>>,
}

impl House {
    fn mourn_all(&mut self) -> Result<(), Trouble> {
        for round in 0..ROUNDS {
            for (way, exit) in WAYS {
                for (point, what) in POINTS {
                    self.mourn((point, what), (way, exit)).inspect_err(|_| rt::log!("{way} at {point}"))?;
                }
            }
            self.report(round)?;
        }
        rt::log!("fact mourned deaths={}", ROUNDS * WAYS.len() * POINTS.len());
        Ok(())
    }

    fn mourn(&mut self, (name, point): (&str, Point), (way, exit): (&str, Exit)) -> Result<(), Trouble> {
        let (sip, ending) = self.start(Text::of(format_args!("{name} {way}")))?;
        let dies_by_itself = exit != Exit::Killed;
        let mut brought = None;
        let mut ending = Some(ending);
        let (mut death, mut heard) = (None, 0);
        // What nobody has to answer is heard after death.
        if point < Point::Thanked && dies_by_itself {
            death = ending.take().map(end_of).transpose()?;
        }
        let mut listening = loop {
            let is_last = |heard: u64, now: Point| point == now && heard >= NUMBERS;
            if point == Point::Silent || is_last(heard, Point::Said) {
                break None;
            }
            let received =
                self.bedside.receive_by(Instant::now() + PATIENCE).ok_or(Trouble::Wrong("it is silent"))?;
            let next = match received.received? {
                ServerLiving::Say { number, next } if number == heard => {
                    heard += 1;
                    next
                }
                ServerLiving::Leave { block, next } => {
                    let (size, content) = BLOCK;
                    if heard != NUMBERS || block.len() != size || block.iter().any(|byte| *byte != content) {
                        return Err(Trouble::Wrong("another block was left"));
                    }
                    if point == Point::Left {
                        break Some(Heard::Leaving(next, block));
                    }
                    let next = next.thanks(block);
                    if point == Point::Thanked {
                        break Some(Heard::Living(next));
                    }
                    next
                }
                ServerLiving::Bring { client, next } => {
                    brought = Some(client);
                    if point == Point::Brought {
                        break Some(Heard::Bringing(next));
                    }
                    break Some(Heard::Living(next.taken()));
                }
                _ => return Err(Trouble::Wrong("it said something else")),
            };
            self.bedside.insert(next, ());
        };
        if !dies_by_itself {
            // Until it waits.
            sleep_until(Instant::now() + Duration::from_millis(2));
            self.kill(sip)?;
        }
        if let Some(ending) = ending {
            death = Some(end_of(ending)?);
        }
        // What is sent to the dead is given back.
        let is_closed = match listening.take() {
            // Its end is in the set.
            None => match self.bedside.receive_by(Instant::now() + PATIENCE) {
                Some(event) => event.received.is_err(),
                None => false,
            },
            Some(Heard::Living(server)) => is_closed(server.receive_by(Instant::now() + PATIENCE)),
            Some(Heard::Leaving(server, block)) => {
                is_closed(server.thanks(block).receive_by(Instant::now() + PATIENCE))
            }
            Some(Heard::Bringing(server)) => is_closed(server.taken().receive_by(Instant::now() + PATIENCE)),
        };
        if !is_closed {
            return Err(Trouble::Wrong("it is dead, and its channel is open"));
        }
        if let Some(client) = brought
            && !is_closed_to(client.ping(1).receive_by(Instant::now() + PATIENCE))
        {
            return Err(Trouble::Wrong("it is dead, and the channel that it brought is open"));
        }
        let (found, fault) = death.ok_or(Trouble::Wrong("it did not die"))?;
        if found != exit {
            rt::log!("{found:?}");
            return Err(Trouble::Wrong("it died in another way"));
        }
        self.check_record(exit, fault)
    }

    fn start(&mut self, argument: Text<200>) -> Result<(u32, ending::Server<ending::Running>), Trouble> {
        let (client, ending) = Ending::channel()?;
        let system = self.system.take().ok_or(Trouble::Closed)?;
        match system.start_boot(Name::truncated("mortal"), argument, client).receive()? {
            ClientStarting::Started { sip, next } => {
                self.system = Some(next);
                Ok((sip, ending))
            }
            ClientStarting::Refused { reason, .. } => {
                rt::log!("{reason}");
                Err(Trouble::Wrong("it was not started"))
            }
        }
    }

    fn kill(&mut self, sip: u32) -> Result<(), Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientKilling::Killed { next } = system.kill(sip).receive()? else {
            return Err(Trouble::Wrong("it died by itself"));
        };
        self.system = Some(next);
        Ok(())
    }

    /// The record of an end that is no success says in which functions it was, and which channel it had.
    fn check_record(&mut self, exit: Exit, fault: u32) -> Result<(), Trouble> {
        if exit == Exit::Success {
            return if fault == 0 { Ok(()) } else { Err(Trouble::Wrong("there is a record of a success")) };
        }
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientReadingFault::FaultText { text, next } = system.fault(fault).receive()? else {
            return Err(Trouble::Wrong("there is no record"));
        };
        self.system = Some(next);
        let text = core::str::from_utf8(&text).map_err(|_| Trouble::Wrong("a record is not UTF-8"))?;
        // What has returned from its main function is in none, and has no channel.
        let is_whole = text.contains(" mortal::") && text.contains("Farewell Client in state ");
        if is_whole || exit == Exit::Failure {
            return Ok(());
        }
        text.lines().for_each(|line| rt::log!("{line}"));
        Err(Trouble::Wrong("a record does not say where it was"))
    }

    /// Reports what there is.
    fn report(&mut self, round: usize) -> Result<(), Trouble> {
        let probe = self.probe.take().ok_or(Trouble::Closed)?;
        let ClientSumming::Sums { totals, memory, next } = probe.sum().receive()?;
        self.probe = Some(next);
        rt::log!(
            "fact sums round={round} blocks={} bytes={} mapped={} channels={} free_frames={} kernel_heap={}",
            totals.blocks,
            totals.bytes,
            totals.mapped,
            memory.channels,
            memory.free_frames,
            memory.kernel_heap - memory.faults
        );
        Ok(())
    }
}

fn end_of(ending: ending::Server<ending::Running>) -> Result<(Exit, u32), Trouble> {
    match ending.receive_by(Instant::now() + PATIENCE) {
        Ok(ServerRunning::Ended { exit, fault, .. }) => Ok((exit, fault)),
        Err(_) => Err(Trouble::Wrong("it lives on")),
    }
}

fn is_closed<E>(received: Result<ServerLiving, ReceiveByError<E>>) -> bool {
    matches!(received, Err(ReceiveByError::Closed))
}

fn is_closed_to<E>(received: Result<ping_pong::ClientWaiting, ReceiveByError<E>>) -> bool {
    matches!(received, Err(ReceiveByError::Closed))
}
