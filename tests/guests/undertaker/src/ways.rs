//! The ways to die: each cause in each kind of process.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use contracts::spec::system::Exit;

/// A way to die: the process, what it is told, how its end is called, how what is said of it begins, and what is in its record.
pub(crate) struct Way {
    pub(crate) name: String,
    pub(crate) process: Process,
    pub(crate) argument: String,
    pub(crate) exit: Exit,
    pub(crate) says: &'static str,
    pub(crate) record: Record,
}

/// Which process dies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    /// One of the system's, by name.
    Kept(&'static str),
    /// One whose image nobody else has, from the file of this name.
    FromFile(&'static str),
}

impl Process {
    /// What it is called, which its manifest says.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Process::Kept("hasty") | Process::FromFile(_) => "faulty",
            Process::Kept("hasty-caught") => "caught",
            Process::Kept("hasty-hostile") => "hostile",
            Process::Kept(name) => name,
        }
    }
}

/// What its record says.
pub(crate) type Record = &'static [&'static str];

/// It was in its main function, and had channels.
const IN_MAIN: Record = &[
    "backtrace:\n",
    " faulty::main",
    "PingPong Client in state Waiting",
    "PingPong Server in state Waiting",
];
/// It was elsewhere.
const BELOW_MAIN: Record =
    &["backtrace:\n", "PingPong Client in state Waiting", "PingPong Server in state Waiting"];
/// It was in ring 3, where it has no channel.
const IN_DOMAIN: Record = &["backtrace:\n", " hostile::", "channels:\n  none"];
const BELOW_DOMAIN: Record = &["backtrace:\n", "channels:\n  none"];
/// It had left its main function, and said why.
const AFTER_MAIN: Record = &["channels:\n  none", "): failed: it was told to"];
/// The same, while other threads had channels.
const BEFORE_OTHERS: Record =
    &["PingPong Client in state Waiting", "Feed Server in state Feeding", "): failed: it was told to"];
const NONE: Record = &[];

type How = (Exit, &'static str);

const SUCCESS: How = (Exit::Success, "");
const FAILURE: How = (Exit::Failure, "");
const PANIC: How = (Exit::Panic, "on purpose at ");
const NULL: How = (Exit::Fault, "page fault on address 0x0 at ");
const WRITE: How = (Exit::Fault, "page fault on address 0x");
const ASTRAY: How = (Exit::Fault, "page fault on address 0x1234 at 0x1234");
const OVERFLOW: How = (Exit::Fault, "stack overflow at ");
const EDGE: How = (Exit::Fault, "stack overflow on the way into the kernel");
const DIVIDE: How = (Exit::Fault, "divide error at ");
const ILLEGAL: How = (Exit::Fault, "invalid opcode at ");
const PROTECTION: How = (Exit::Fault, "general protection fault at ");
const MEMORY: How = (Exit::Memory, "memory allocation of 100000 bytes failed");
const TIME: How = (Exit::Time, "");
const KILL: How = (Exit::Killed, "");

/// What brings a process's end about.
struct Cause {
    name: &'static str,
    /// What the process is told.
    order: &'static str,
    how: How,
    /// What is recorded if it has one thread.
    record: Record,
    /// Whether any thread can do it.
    is_anybodys: bool,
}

const fn anybodys(name: &'static str, order: &'static str, how: How, record: Record) -> Cause {
    Cause { name, order, how, record, is_anybodys: true }
}

const fn mains(name: &'static str, order: &'static str, how: How, record: Record) -> Cause {
    Cause { name, order, how, record, is_anybodys: false }
}

const CPU_BUDGET: &str = "CPU budget";
const INTO_KERNEL: &str = "stack overflow into the kernel";

const CAUSES: &[Cause] = &[
    mains("return", "return", SUCCESS, NONE),
    mains("failure", "fail", FAILURE, AFTER_MAIN),
    anybodys("panic", "panic on purpose", PANIC, IN_MAIN),
    anybodys("page fault", "null", NULL, IN_MAIN),
    anybodys("write to code", "write", WRITE, IN_MAIN),
    anybodys("jump astray", "jump", ASTRAY, IN_MAIN),
    anybodys("stack overflow", "overflow", OVERFLOW, BELOW_MAIN),
    mains(INTO_KERNEL, "edge clock", EDGE, BELOW_MAIN),
    anybodys("divide error", "divide", DIVIDE, IN_MAIN),
    anybodys("invalid opcode", "illegal", ILLEGAL, IN_MAIN),
    anybodys("general protection", "protection", PROTECTION, IN_MAIN),
    anybodys("memory limit", "memory", MEMORY, BELOW_MAIN),
    anybodys(CPU_BUDGET, "spin", TIME, BELOW_MAIN),
    mains("kill", "wait", KILL, BELOW_MAIN),
];

/// Threads of a process that ends by a cause.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crew {
    /// None but the first.
    None,
    /// Many others, which send, wait, sleep, compute, and have the kernel work.
    Busy,
    /// The same, and it is one of the others that ends the process.
    Another,
}

/// Each cause in a SIP, and in a domain that runs the same image.
fn of_causes() -> impl Iterator<Item = Way> {
    let kinds = [
        ("one thread", false, Crew::None),
        ("threads", false, Crew::Busy),
        ("another thread", false, Crew::Another),
        ("caged", true, Crew::None),
        ("caged threads", true, Crew::Busy),
        ("caged, another thread", true, Crew::Another),
    ];
    kinds.into_iter().flat_map(|(kind, caged, crew)| {
        let causes = CAUSES.iter().filter(move |cause| crew != Crew::Another || cause.is_anybodys);
        causes.map(move |cause| of_cause(kind, caged, crew, cause))
    })
}

fn of_cause(kind: &str, caged: bool, crew: Crew, cause: &Cause) -> Way {
    let prefix = match crew {
        Crew::None => "",
        Crew::Busy => "crew ",
        Crew::Another => "crew thread ",
    };
    let process = match (cause.name == CPU_BUDGET, caged) {
        (false, false) => "faulty",
        (false, true) => "caught",
        (true, false) => "hasty",
        (true, true) => "hasty-caught",
    };
    let (exit, says) = match cause.name {
        // The kernel has a stack of its own there.
        INTO_KERNEL if caged => OVERFLOW,
        _ => cause.how,
    };
    let record = match (exit, crew) {
        (Exit::Success, _) | (_, Crew::None) => cause.record,
        (Exit::Failure, _) => BEFORE_OTHERS,
        (_, Crew::Busy) => cause.record,
        (_, Crew::Another) => BELOW_MAIN,
    };
    Way {
        name: format!("{kind}: {}", cause.name),
        process: Process::Kept(process),
        argument: format!("{prefix}{}", cause.order),
        exit,
        says,
        record,
    }
}

/// What only an attacker does in a domain, or does otherwise, and what has an image of its own.
const OTHERS: &[(&str, Process, &str, How, Record)] = {
    const HOSTILE: Process = Process::Kept("hostile");
    const STRAY: Process = Process::FromFile("stray");
    &[
        ("domain: return", HOSTILE, "idle", SUCCESS, NONE),
        ("domain: failure", HOSTILE, "fail", FAILURE, AFTER_MAIN),
        ("domain: panic", HOSTILE, "panic on purpose", PANIC, IN_DOMAIN),
        ("domain: page fault", HOSTILE, "null", NULL, IN_DOMAIN),
        ("domain: write to code", HOSTILE, "write-code", WRITE, IN_DOMAIN),
        ("domain: jump astray", HOSTILE, "call-kernel", WRITE, IN_DOMAIN),
        ("domain: stack overflow", HOSTILE, "overflow", OVERFLOW, BELOW_DOMAIN),
        ("domain: divide error", HOSTILE, "divide", DIVIDE, IN_DOMAIN),
        ("domain: invalid opcode", HOSTILE, "illegal", ILLEGAL, IN_DOMAIN),
        ("domain: general protection", HOSTILE, "halt", PROTECTION, IN_DOMAIN),
        ("domain: memory limit", HOSTILE, "memory", MEMORY, BELOW_DOMAIN),
        ("domain: CPU budget", Process::Kept("hasty-hostile"), "spin", TIME, IN_DOMAIN),
        ("domain: kill", HOSTILE, "wait", KILL, BELOW_DOMAIN),
        ("domain: another thread's page fault", HOSTILE, "thread", NULL, BELOW_DOMAIN),
        ("domain: threads, kill", HOSTILE, "crew", KILL, BELOW_DOMAIN),
        ("image of its own: return", STRAY, "return", SUCCESS, NONE),
        ("image of its own: page fault", STRAY, "null", NULL, IN_MAIN),
    ]
};

/// All ways whose names begin so.
pub(crate) fn ways(of: &str) -> Vec<Way> {
    let others = OTHERS.iter().map(|(name, process, argument, (exit, says), record)| Way {
        name: String::from(*name),
        process: *process,
        argument: String::from(*argument),
        exit: *exit,
        says,
        record,
    });
    of_causes().chain(others).filter(|way| way.name.starts_with(of)).collect()
}
