//! Starts `hello` again and again, one at a time and then as many at once as there is memory for, with itself in the place
//! of the console: `hello` is there when it sends its line, and stays for as long as it gets no answer. What each life
//! takes is reported as lines `fact KIND KEY=VALUE...` in the kernel's log.
//!
//! The system's wiring names `hello`, so that the kernel keeps its image, as it does for all that `run` starts.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::console::Console;
use contracts::spec::console::console::{self, Writing};
use contracts::spec::probe::probe::{self, ClientSumming};
use contracts::spec::probe::{MemorySums, Probe};
use contracts::spec::system::ending::{self, ServerRunning};
use contracts::spec::system::system::{self, ClientKilling, ClientListing, ClientStarting};
use contracts::spec::system::{BlockTotals, Ending, Exit, Outcome, ProcessInfo, System};
use contracts::{Contract, EndpointSet, ExBox, Name, Text};
use rt::clock;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    provides: { console: Console },
    uses: { probe: Probe, system: System },
    priority: 12,
    blocks: 512 << 20,
    channels: MOST as u32 + 64,
}

/// What is started.
const HELLO: &str = "hello";
/// Lives of each kind, one after the other, of which the mean is taken.
const ROUNDS: u64 = 32;
/// Processes that the memory of one is taken from.
const SAMPLE: u64 = 256;
/// Whenever so many more are there, lives are measured.
const STEP: usize = 1000;
/// More than fit into any memory that this is run with.
const MOST: usize = 16_000;

fn main(grants: Grants) {
    let mut nursery =
        Nursery { probe: Some(grants.probe), system: Some(grants.system), desk: grants.console.clients() };
    let outcome = match nursery.run() {
        Ok(()) => Outcome::Success,
        Err(trouble) => {
            rt::log!("{trouble}");
            Outcome::Failure
        }
    };
    if let Some(system) = nursery.system {
        system.shutdown(outcome);
    }
}

/// A `hello` that has sent its first message and waits for the answer.
struct Life {
    sip: u32,
    console: console::Server<Writing>,
    block: ExBox<[u8]>,
    ending: ending::Server<ending::Running>,
}

/// How long something took.
#[derive(Clone, Copy, Default)]
struct Taken {
    ticks: u64,
    time: Duration,
}

impl Taken {
    fn since(start: (u64, Duration)) -> Taken {
        let ticks = clock::ticks() - start.0;
        Taken { ticks, time: clock::now() - start.1 }
    }

    fn add(&mut self, other: Taken) {
        self.ticks += other.ticks;
        self.time += other.time;
    }
}

fn begin() -> (u64, Duration) {
    let time = clock::now();
    (clock::ticks(), time)
}

/// What is measured while memory fills.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// What lives take, and memory. Those that are killed have records, which stay for a while.
    Lives,
    /// Memory only.
    Memory,
}

struct Nursery {
    probe: Option<probe::Client<probe::Ready>>,
    system: Option<system::Client<system::Ready>>,
    desk: EndpointSet<console::Server<console::Ready>>,
}

impl Nursery {
    fn run(&mut self) -> Result<(), Trouble> {
        // The first one makes what is made once.
        let (life, _) = self.start()?.ok_or(Trouble::Exhausted)?;
        self.kill(life)?;
        self.memory_of_one()?;
        // The first time makes what is made once.
        self.as_many_as_fit(0, Measure::Lives)?;
        self.as_many_as_fit(1, Measure::Memory)
    }

    /// Reports what a life takes among so many others: the mean of [`ROUNDS`], one after the other. Returns whether there was
    /// memory for them.
    fn measure(&mut self, others: usize) -> Result<bool, Trouble> {
        let (mut starts, mut kills, mut ends) = (Taken::default(), Taken::default(), Taken::default());
        for _ in 0..ROUNDS {
            let Some((life, start)) = self.start()? else { return Ok(false) };
            starts.add(start);
            kills.add(self.kill(life)?);
            let Some((life, start)) = self.start()? else { return Ok(false) };
            starts.add(start);
            ends.add(self.answer(life)?);
        }
        report("start", starts, 2 * ROUNDS, others);
        report("kill", kills, ROUNDS, others);
        report("end", ends, ROUNDS, others);
        Ok(true)
    }

    /// Reports what memory a few take.
    fn memory_of_one(&mut self) -> Result<(), Trouble> {
        let (first, _) = self.start()?.ok_or(Trouble::Exhausted)?;
        let before = self.sums()?;
        let mut lives = Vec::with_capacity(SAMPLE as usize);
        for _ in 0..SAMPLE {
            lives.push(self.start()?.ok_or(Trouble::Exhausted)?.0);
        }
        let after = self.sums()?;
        let listed = self.listed(lives.last().map_or(0, |life| life.sip))?;
        let each = |from: u64, to: u64| from.abs_diff(to) / SAMPLE;
        rt::log!(
            "fact memory pages={} shared={} records={} registers={} channels={} blocks={}",
            listed.memory,
            listed.shared,
            each(before.1.kernel_heap, after.1.kernel_heap),
            after.1.registers,
            each(before.1.channel_memory, after.1.channel_memory),
            each(before.0.mapped, after.0.mapped),
        );
        lives.push(first);
        self.end_all(lives)
    }

    /// Starts more until memory is exhausted, and reports how many there were, what a life takes among so many others, and
    /// what memory there was before and after.
    fn as_many_as_fit(&mut self, round: u32, measure: Measure) -> Result<(), Trouble> {
        let mut lives = Vec::with_capacity(MOST);
        let before = self.sums()?;
        while lives.len() < MOST {
            if measure == Measure::Lives && lives.len() % STEP == 0 && !self.measure(lives.len())? {
                break;
            }
            let Some((life, _)) = self.start()? else { break };
            lives.push(life);
        }
        let most = lives.len();
        let full = self.sums()?;
        self.end_all(lives)?;
        let after = self.sums()?;
        rt::log!("fact most lives={most} channels={}", full.1.channels);
        for (when, (totals, memory)) in [("before", before), ("after", after)] {
            rt::log!(
                "fact sums round={round} when={when} free_frames={} kernel_heap={} channels={} mapped={} blocks={}",
                memory.free_frames,
                memory.kernel_heap,
                memory.channels,
                totals.mapped,
                totals.blocks
            );
        }
        Ok(())
    }

    /// Starts one, and waits for its first message. None if there is no memory for it.
    fn start(&mut self) -> Result<Option<(Life, Taken)>, Trouble> {
        let Ok((client, ending)) = Ending::channel() else { return Ok(None) };
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let began = begin();
        let request = system.start_boot(Name::truncated(HELLO), Text::truncated(""), client);
        let sip = match request.receive()? {
            ClientStarting::Started { sip, next } => {
                self.system = Some(next);
                sip
            }
            ClientStarting::Refused { reason, next } => {
                rt::log!("fact refused reason={}", reason.replace(' ', "_"));
                self.system = Some(next);
                // It may have been connected before the memory ran out: then its channel has closed without a word.
                while self.desk.try_receive().is_some() {}
                return Ok(None);
            }
        };
        let received = self.desk.receive().received;
        let taken = Taken::since(began);
        match received {
            Ok(console::ServerReady::Write { block, next, .. }) => {
                Ok(Some((Life { sip, console: next, block, ending }, taken)))
            }
            // It had no memory for its block, and has ended without a word.
            Err(_) => {
                let ServerRunning::Ended { .. } = ending.receive()?;
                Ok(None)
            }
            Ok(_) => Err(Trouble::Wrong("hello does something else")),
        }
    }

    /// Kills one, and waits until all it had is given back.
    fn kill(&mut self, life: Life) -> Result<Taken, Trouble> {
        let Life { sip, console, block, ending } = life;
        let system = self.system.take().ok_or(Trouble::Closed)?;
        drop(block);
        let began = begin();
        let ClientKilling::Killed { next } = system.kill(sip).receive()? else {
            return Err(Trouble::Wrong("one that lives cannot be killed"));
        };
        self.system = Some(next);
        let ServerRunning::Ended { exit, .. } = ending.receive()?;
        let taken = Taken::since(began);
        drop(console);
        if exit == Exit::Killed {
            Ok(taken)
        } else {
            Err(Trouble::Wrong("one that is killed ends otherwise"))
        }
    }

    /// Answers one, upon which it ends, and waits until all it had is given back.
    fn answer(&mut self, life: Life) -> Result<Taken, Trouble> {
        let Life { console, block, ending, .. } = life;
        let began = begin();
        let next = console.written(block);
        let ServerRunning::Ended { exit, .. } = ending.receive()?;
        let taken = Taken::since(began);
        drop(next);
        if exit == Exit::Success {
            Ok(taken)
        } else {
            Err(Trouble::Wrong("one that is answered ends otherwise"))
        }
    }

    /// Answers all of them.
    fn end_all(&mut self, lives: Vec<Life>) -> Result<(), Trouble> {
        lives.into_iter().try_for_each(|life| self.answer(life).map(drop))
    }

    fn sums(&mut self) -> Result<(BlockTotals, MemorySums), Trouble> {
        let probe = self.probe.take().ok_or(Trouble::Closed)?;
        let ClientSumming::Sums { totals, memory, next } = probe.sum().receive()?;
        self.probe = Some(next);
        Ok((totals, memory))
    }

    /// What the list of processes says of one.
    fn listed(&mut self, sip: u32) -> Result<ProcessInfo, Trouble> {
        let system = self.system.take().ok_or(Trouble::Closed)?;
        let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
        self.system = Some(next);
        let listed = processes.iter().find(|process| process.id == sip).copied();
        listed.ok_or(Trouble::Wrong("one that lives is not listed"))
    }
}

/// Reports the mean of `lives` among `others`.
fn report(what: &str, taken: Taken, lives: u64, others: usize) {
    rt::log!(
        "fact {what} others={others} ticks={} nanoseconds={}",
        taken.ticks / lives,
        taken.time.as_nanos() as u64 / lives
    );
}
