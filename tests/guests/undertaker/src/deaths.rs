//! Processes end in every way that there is, and all is said of it that there is to say.

use alloc::vec::Vec;
use alloc::{format, vec};

use contracts::spec::system::Exit;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::{Death, Office, Patient};
use crate::orders::Order;

/// A way to die: the process, what it is told, how its end is called, how what is said of it begins, and what is in its record.
struct Way {
    name: &'static str,
    process: Process,
    argument: &'static str,
    exit: Exit,
    says: &'static str,
    record: &'static [&'static str],
}

/// Which process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Process {
    /// One of the system's, by name.
    Kept(&'static str),
    /// One whose image nobody else has, from the file of this name.
    FromFile(&'static str),
}

impl Process {
    fn file(self) -> &'static str {
        match self {
            Process::Kept(file) | Process::FromFile(file) => file,
        }
    }

    /// What it is called, which its manifest says.
    fn name(self) -> &'static str {
        if self.file().contains("hostile") { "hostile" } else { "faulty" }
    }
}

type Record = &'static [&'static str];

const fn way(
    name: &'static str,
    file: &'static str,
    argument: &'static str,
    (exit, says): (Exit, &'static str),
    record: Record,
) -> Way {
    Way { name, process: Process::Kept(file), argument, exit, says, record }
}

/// It was in its main function, and had channels.
const IN_MAIN: Record = &[
    "backtrace:\n",
    " faulty::main",
    "PingPong Client in state Waiting",
    "PingPong Server in state Waiting",
];
/// It was on its way there, in the library's functions or deeper.
const BELOW_MAIN: Record =
    &["backtrace:\n", "PingPong Client in state Waiting", "PingPong Server in state Waiting"];
/// It was in ring 3, where it has no channel.
const IN_DOMAIN: Record = &["backtrace:\n", " hostile::", "channels:\n  none"];
const BELOW_DOMAIN: Record = &["backtrace:\n", "channels:\n  none"];
/// It had left its main function, and said why.
const AFTER_MAIN: Record = &["channels:\n  none", "): failed: it was told to"];
const NONE: Record = &[];

const SUCCESS: (Exit, &str) = (Exit::Success, "");
const FAILURE: (Exit, &str) = (Exit::Failure, "");
const PANIC: (Exit, &str) = (Exit::Panic, "on purpose at ");
const NULL: (Exit, &str) = (Exit::Fault, "page fault on address 0x0 at ");
const WRITE: (Exit, &str) = (Exit::Fault, "page fault on address 0x");
const ASTRAY: (Exit, &str) = (Exit::Fault, "page fault on address 0x1234 at 0x1234");
const OVERFLOW: (Exit, &str) = (Exit::Fault, "stack overflow at ");
const EDGE: (Exit, &str) = (Exit::Fault, "stack overflow on the way into the kernel");
const DIVIDE: (Exit, &str) = (Exit::Fault, "divide error at ");
const ILLEGAL: (Exit, &str) = (Exit::Fault, "invalid opcode at ");
const PROTECTION: (Exit, &str) = (Exit::Fault, "general protection fault at ");
const MEMORY: (Exit, &str) = (Exit::Memory, "memory allocation of 100000 bytes failed");
const TIME: (Exit, &str) = (Exit::Time, "");
const KILL: (Exit, &str) = (Exit::Killed, "");

const WAYS: &[Way] = &[
    way("one thread: return", "faulty", "return", SUCCESS, NONE),
    way("one thread: failure", "faulty", "fail", FAILURE, AFTER_MAIN),
    way("one thread: panic", "faulty", "panic on purpose", PANIC, IN_MAIN),
    way("one thread: page fault", "faulty", "null", NULL, IN_MAIN),
    way("one thread: write to code", "faulty", "write", WRITE, IN_MAIN),
    way("one thread: jump astray", "faulty", "jump", ASTRAY, IN_MAIN),
    way("one thread: stack overflow", "faulty", "overflow", OVERFLOW, BELOW_MAIN),
    way("one thread: stack overflow into the kernel", "faulty", "edge clock", EDGE, BELOW_MAIN),
    way("one thread: divide error", "faulty", "divide", DIVIDE, IN_MAIN),
    way("one thread: invalid opcode", "faulty", "illegal", ILLEGAL, IN_MAIN),
    way("one thread: general protection", "faulty", "protection", PROTECTION, IN_MAIN),
    way("one thread: memory limit", "faulty", "memory", MEMORY, IN_MAIN),
    way("one thread: CPU budget", "hasty", "spin", TIME, IN_MAIN),
    way("one thread: kill", "faulty", "wait", KILL, IN_MAIN),
    way("threads: return", "faulty", "crew return", SUCCESS, NONE),
    way("threads: panic", "faulty", "crew panic on purpose", PANIC, IN_MAIN),
    way("threads: page fault", "faulty", "crew null", NULL, IN_MAIN),
    way("threads: stack overflow", "faulty", "crew overflow", OVERFLOW, BELOW_MAIN),
    way("threads: another's page fault", "faulty", "crew thread null", NULL, BELOW_MAIN),
    way("threads: another's stack overflow", "faulty", "crew thread overflow", OVERFLOW, BELOW_MAIN),
    way("threads: CPU budget", "hasty", "crew spin", TIME, BELOW_MAIN),
    way("threads: kill", "faulty", "crew wait", KILL, BELOW_MAIN),
    way("domain: return", "hostile", "idle", SUCCESS, NONE),
    way("domain: failure", "hostile", "fail", FAILURE, AFTER_MAIN),
    way("domain: panic", "hostile", "panic on purpose", PANIC, IN_DOMAIN),
    way("domain: page fault", "hostile", "null", NULL, IN_DOMAIN),
    way("domain: write to code", "hostile", "write-code", WRITE, IN_DOMAIN),
    way("domain: jump astray", "hostile", "call-kernel", WRITE, IN_DOMAIN),
    way("domain: stack overflow", "hostile", "overflow", OVERFLOW, BELOW_DOMAIN),
    way("domain: divide error", "hostile", "divide", DIVIDE, IN_DOMAIN),
    way("domain: invalid opcode", "hostile", "illegal", ILLEGAL, IN_DOMAIN),
    way("domain: general protection", "hostile", "halt", PROTECTION, IN_DOMAIN),
    way("domain: memory limit", "hostile", "memory", MEMORY, BELOW_DOMAIN),
    way("domain: CPU budget", "hasty-hostile", "spin", TIME, IN_DOMAIN),
    way("domain: kill", "hostile", "wait", KILL, BELOW_DOMAIN),
    way("domain: another thread's page fault", "hostile", "thread", NULL, BELOW_DOMAIN),
    way("domain: threads, kill", "hostile", "crew", KILL, BELOW_DOMAIN),
    Way {
        name: "image of its own: return",
        process: Process::FromFile("stray"),
        argument: "return",
        exit: Exit::Success,
        says: "",
        record: NONE,
    },
    Way {
        name: "image of its own: page fault",
        process: Process::FromFile("stray"),
        argument: "null",
        exit: Exit::Fault,
        says: NULL.1,
        record: IN_MAIN,
    },
];

/// `deaths laps=N of=KIND`: each way so many times whose name begins so, with `_` for a blank, one after the other, while
/// bystanders talk.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let laps = order.number("laps")?;
    let bystanders = Bystanders::begin(office, PACE)?;
    let of = order.text("of")?.replace('_', " ");
    let ways: Vec<&Way> = WAYS.iter().filter(|way| way.name.starts_with(&of)).collect();
    let mut scores = vec![Score::default(); ways.len()];
    for way in &ways {
        // Who is asked for the first time makes room that is kept.
        die(office, &mut Score::default(), way)?;
    }
    office.forget();
    for _ in 0..laps {
        for (way, score) in ways.iter().zip(&mut scores) {
            let died = settles(office, score, |office, score| die(office, score, way));
            died.inspect_err(|_| rt::log!("{}", way.name))?;
        }
    }
    bystanders.end(office)?;
    keeps_the_last_records(office)?;
    for (way, Score { injected, detected, recovered }) in ways.iter().zip(scores) {
        rt::log!(
            "fact deaths injected={injected} detected={detected} recovered={recovered} way={}",
            way.name.replace(' ', "_")
        );
    }
    Ok(())
}

fn die(office: &mut Office, score: &mut Score, way: &Way) -> Result<(), Trouble> {
    let patient = match way.process {
        Process::Kept(name) => office.start(name, way.argument)?,
        Process::FromFile(name) => office.start_file(name, way.argument)?,
    };
    score.injected += 1;
    if way.exit == Exit::Killed {
        // Until it waits, or its threads share the core.
        office.rest();
        office.rest();
        office.kill(patient.sip)?;
    }
    let Patient { sip, .. } = patient;
    let Death { exit, message, fault } = office.death_of(patient)?;
    if exit != way.exit || !message.starts_with(way.says) {
        rt::log!("{}: {exit:?}: {}", way.name, &*message);
        return Err(Trouble::Wrong("a process did not end as it was made to"));
    }
    match (exit, fault) {
        (Exit::Success, 0) => {}
        (Exit::Success, _) => return Err(Trouble::Wrong("a success has a record")),
        (_, 0) => return Err(Trouble::Wrong("a failure has no record")),
        _ => is_recorded(
            way,
            &office.record(fault)?,
            &format!("{} ({sip}) {}", way.process.name(), exit.saying(&message)),
        )?,
    }
    score.detected += 1;
    Ok(())
}

/// Messages of the bystanders in a tick.
const PACE: u64 = 100;

/// Finds that a record says all there is to say.
fn is_recorded(way: &Way, record: &str, first: &str) -> Result<(), Trouble> {
    let last = ["channels:\n", "last log lines:\n"];
    let is_whole = record.lines().next() == Some(first)
        && way.record.iter().chain(&last).all(|text| record.contains(text));
    if is_whole {
        return Ok(());
    }
    record.lines().for_each(|line| rt::log!("{}| {line}", way.name));
    Err(Trouble::Wrong("a record does not say what happened"))
}

/// Records that are kept.
const MOST_RECORDS: usize = 64;

/// There are as many records as are kept, and they are the last ones.
fn keeps_the_last_records(office: &mut Office) -> Result<(), Trouble> {
    let kept = office.records()?;
    let is_in_order = kept.windows(2).all(|two| two[1] == two[0] + 1);
    match kept.last() {
        Some(last) if is_in_order && kept.len() == MOST_RECORDS.min(*last as usize) => Ok(()),
        _ => Err(Trouble::Wrong("other records are kept than the last ones")),
    }
}
