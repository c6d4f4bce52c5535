//! What the life of a small process takes: `hello`, which the process `lives` of `tests/guests` starts and ends.

use crate::facts::{Fact, facts};
use crate::guest::{self, Images};
use crate::qemu::{DEFAULT_MEMORY_MIB, Outcome};
use crate::signing::Key;
use crate::system::System;
use crate::{check, setup};
use anyhow::{Context, Result, bail};
use contracts::manifest::Wiring;
use object::{Object, ObjectSegment, SegmentFlags, elf};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// What starts and ends the others.
const LIVES: &str = "lives";
/// What is started.
const HELLO: &str = "hello";
const LIMIT: Duration = Duration::from_secs(300);
const PAGE_BYTES: u64 = 4096;

/// How long the parts of a life take: instructions, or nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    /// From the request that it be started to its first message.
    pub start: u64,
    /// From the request that it be killed to the news that all it had was given back.
    pub kill: u64,
    /// From the answer to its message, upon which it ends by itself, to the same news.
    pub end: u64,
}

/// Bytes that one process takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its stack.
    pub stack: u64,
    /// What of its image it can write.
    pub variables: u64,
    /// What its entry point is handed.
    pub start_page: u64,
    /// The tables that map all of it.
    pub page_tables: u64,
    /// The kernel's records of it: thread, account, what the list of processes says, and so on.
    pub records: u64,
    /// Of the records, the registers of its thread while that is preempted, the vector registers among them.
    pub registers: u64,
    /// Its channels: to the console, and to whoever waits for its end.
    pub channels: u64,
    /// The block that it prints from.
    pub blocks: u64,
    /// Code and constants, which are there once for all processes of the image. In no sum.
    pub shared: u64,
}

impl Memory {
    /// All that is there for this process alone.
    pub fn sum(&self) -> u64 {
        let mapped = self.stack + self.variables + self.start_page + self.page_tables;
        mapped + self.records + self.channels + self.blocks
    }
}

/// All that is measured by counting instructions.
#[derive(Clone, Debug)]
pub struct Life {
    /// The mean of some, one after the other, among so many others; first among none.
    pub among: Vec<(u64, Spans)>,
    /// What one takes.
    pub memory: Memory,
    /// How many were there at once, when there was no memory for another.
    pub most: u64,
    /// How many channels there were then.
    pub channels: u64,
    /// The facts `sums`: what there was before and after the two times that memory was filled.
    pub sums: Vec<Fact>,
}

/// A machine of 512 MiB that starts and ends `hello`.
///
/// # Errors
/// When an image is missing or cannot be read.
pub fn system(images: &Images) -> Result<System> {
    let mut images = images.clone();
    images.sips.retain(|name, _| [LIVES, HELLO].contains(&name.as_str()));
    let wiring =
        Wiring { start: vec![LIVES.to_owned()], on_demand: vec![HELLO.to_owned()], ..Wiring::default() };
    Ok(System::from_images(images, wiring, &Key::development()?)?.memory_mib(DEFAULT_MEMORY_MIB))
}

fn log_of(system: &System) -> Result<String> {
    let run = system.run(LIMIT)?;
    if run.outcome != Outcome::Success {
        bail!("the measurement failed ({:?}); the end of the kernel log:\n{}", run.outcome, run.log);
    }
    Ok(run.log)
}

/// Measures by counting instructions: the same figures on every host.
///
/// # Errors
/// When it cannot be run to its end.
pub fn count(images: &Images) -> Result<Life> {
    let log = log_of(&system(images)?.icount(0))?;
    let memory = one(&log, "memory")?;
    let (stack, variables) = written(&images.sips[HELLO])?;
    let most = one(&log, "most")?;
    Ok(Life {
        among: spans(&log, "ticks")?,
        memory: Memory {
            stack,
            variables,
            start_page: PAGE_BYTES,
            page_tables: memory.get::<u64>("pages") - stack - variables - PAGE_BYTES,
            records: memory.get("records"),
            registers: memory.get("registers"),
            channels: memory.get("channels"),
            blocks: memory.get("blocks"),
            shared: memory.get("shared"),
        },
        most: most.get("lives"),
        channels: most.get("channels"),
        sums: facts(&log, "sums"),
    })
}

/// Measures time, by the guest's clock and with QEMU's translator: nanoseconds that say nothing about hardware.
fn time(images: &Images) -> Result<Spans> {
    let log = log_of(&system(images)?)?;
    Ok(spans(&log, "nanoseconds")?[0].1)
}

/// The only fact of its kind.
fn one(log: &str, kind: &str) -> Result<Fact> {
    facts(log, kind).pop().with_context(|| format!("{kind} was not reported"))
}

/// What was measured among how many others; first among none.
fn spans(log: &str, unit: &str) -> Result<Vec<(u64, Spans)>> {
    let [starts, kills, ends] = ["start", "kill", "end"].map(|kind| facts(log, kind));
    if starts.is_empty() || starts.len() != kills.len() || starts.len() != ends.len() {
        bail!("not every life was measured to its end");
    }
    let each = starts.iter().zip(&kills).zip(&ends).map(|((start, kill), end)| {
        let spans = Spans { start: start.get(unit), kill: kill.get(unit), end: end.get(unit) };
        (start.get("others"), spans)
    });
    Ok(each.collect())
}

/// Bytes of the stack and of the writable pages of an image.
fn written(image: &Path) -> Result<(u64, u64)> {
    let stack = check::manifest(image)?.stack;
    let bytes = std::fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
    let file = object::File::parse(bytes.as_slice()).context("the image is not an ELF file")?;
    let is_written =
        |flags| matches!(flags, SegmentFlags::Elf { p_flags, .. } if p_flags.0 & elf::PF_W.0 != 0);
    let written = file.segments().filter(|segment| is_written(segment.flags()));
    let pages = written.map(|segment| {
        let end = (segment.address() + segment.size()).next_multiple_of(PAGE_BYTES);
        end - segment.address() / PAGE_BYTES * PAGE_BYTES
    });
    Ok((u64::from(stack).next_multiple_of(PAGE_BYTES), pages.sum()))
}

/// Builds the guests, measures twice, and returns the table.
pub(super) fn run() -> Result<String> {
    setup::ensure_qemu()?;
    let images = guest::build_with(&[LIVES])?;
    let (life, time) = (count(&images)?, time(&images)?);
    Ok(Table { life, time }.to_string())
}

struct Table {
    life: Life,
    time: Spans,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Life { among, memory, most, channels, .. } = &self.life;
        let alone = among[0].1;
        writeln!(f, "{:36}{:>14}{:>14}", "LIFE", "INSTRUCTIONS", "TIME (TCG)")?;
        for (what, counted, time) in [
            ("create to first message", alone.start, self.time.start),
            ("kill to reclaimed, with a record", alone.kill, self.time.kill),
            ("last answer to reclaimed", alone.end, self.time.end),
        ] {
            writeln!(f, "{what:36}{counted:>14}{:>11.1} us", time as f64 / 1000.0)?;
        }
        writeln!(f, "\n{:16}{:>14}{:>14}{:>14}", "AMONG OTHERS", "CREATE", "KILL", "END")?;
        for (others, spans) in among {
            writeln!(f, "{others:<16}{:>14}{:>14}{:>14}", spans.start, spans.kill, spans.end)?;
        }
        writeln!(f, "\n{:50}{:>14}", "MEMORY OF ONE", "BYTES")?;
        for (what, bytes) in [
            ("stack", memory.stack),
            ("variables, and constants that hold addresses", memory.variables),
            ("start page", memory.start_page),
            ("page tables", memory.page_tables),
            ("the kernel's records", memory.records),
            ("  of which registers, those of vectors included", memory.registers),
            ("channels: console and ending", memory.channels),
            ("block to print from", memory.blocks),
            ("sum", memory.sum()),
            ("shared with all who run the image", memory.shared),
        ] {
            writeln!(f, "{what:50}{bytes:>14}")?;
        }
        writeln!(f, "\nat once in {DEFAULT_MEMORY_MIB} MiB: {most} processes with {channels} channels")
    }
}
