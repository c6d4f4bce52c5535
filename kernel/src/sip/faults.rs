//! What is kept of SIPs that failed: who, why, where, which channels they had in which state, what they said last.
//!
//! A record is made by the reaper, before anything is given back. It is told of by number in the message to whoever waits
//! for the SIP's end.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write};

use contracts::sabotage::{Bug, planted};
use contracts::spec::system::FaultInfo;
use contracts::{Name, Text};
use spin::Mutex;

use super::life::Exit;
use super::load::Loaded;
use crate::arch::clock;
use crate::{channel, log};

/// Records kept; then the oldest gives way.
const MOST_RECORDS: usize = 64;
/// Bytes of a record's text at most.
const MOST_BYTES: usize = 8 << 10;
/// Channels in a record: there is room for what comes after them.
const MOST_CHANNELS: usize = 32;
/// Lines of the log in a record.
const LOG_LINES: usize = 8;

struct Record {
    info: FaultInfo,
    text: String,
}

struct Records {
    kept: VecDeque<Record>,
    next: u32,
}

static RECORDS: Mutex<Records> = Mutex::new(Records { kept: VecDeque::new(), next: 1 });

/// A text that is cut off where memory or its bound ends.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MOST_BYTES || self.0.try_reserve(text.len()).is_err() {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Keeps a record of a SIP that failed and that still has everything. Returns the record's number; 0 if there is no
/// memory for it.
pub(super) fn record(sip: u32, loaded: &Loaded, exit: &Exit) -> u32 {
    let name = loaded.manifest().name.as_str();
    let mut text = Cut(String::new());
    // What does not fit is cut off.
    let _ = describe(sip, loaded, exit, &mut text);
    let mut records = RECORDS.lock();
    if records.kept.try_reserve(1).is_err() {
        return 0;
    }
    if records.kept.len() == MOST_RECORDS {
        records.kept.pop_front();
    }
    let number = records.next;
    records.next += 1;
    let info = FaultInfo {
        number,
        sip,
        at: clock::now_ns(),
        exit: exit.kind,
        name: Name::truncated(name),
        message: Text::truncated(&exit.message),
    };
    records.kept.push_back(Record { info, text: text.0 });
    number
}

fn describe(sip: u32, loaded: &Loaded, exit: &Exit, out: &mut dyn Write) -> fmt::Result {
    let name = loaded.manifest().name.as_str();
    writeln!(out, "{name} ({sip}) {}", exit.in_words())?;
    if let Some(registers) = &exit.registers {
        write!(out, "registers:\n{registers}")?;
    }
    if let Some(address) = exit.address {
        writeln!(out, "address: {address:#x}")?;
    }
    if let Some(place) = &exit.place {
        writeln!(out, "backtrace:")?;
        loaded.write_backtrace(place, out)?;
    }
    writeln!(out, "channels:")?;
    let mut channels = 0;
    let mut result = Ok(());
    channel::survey_of(loaded.account, |view| {
        channels += 1;
        if channels <= MOST_CHANNELS && result.is_ok() {
            result =
                writeln!(out, "  {:>6} {} {:?} in state {}", view.id, view.contract, view.side, view.state);
        }
    });
    result?;
    match channels {
        0 => writeln!(out, "  none")?,
        1..=MOST_CHANNELS => {}
        _ => writeln!(out, "  and {} more", channels - MOST_CHANNELS)?,
    }
    writeln!(out, "last log lines:")?;
    let mut says = Text::<160>::default();
    // How the log begins a line of this SIP's, behind the time. One that said nothing is not searched for.
    let _ = write!(says, " {name} ({sip}): ");
    let is_its = |line: &str| line.split_once(']').is_some_and(|(_, rest)| rest.starts_with(&*says));
    let most = if planted(Bug::LostLines) { 0 } else { LOG_LINES };
    let lines = most.min(loaded.account.lines() as usize);
    let mut found = 0;
    log::recent_lines(lines, is_its, |line| {
        found += 1;
        writeln!(out, "  {line}")
    })?;
    if found == 0 {
        writeln!(out, "  none")?;
    }
    Ok(())
}

/// Bytes of the kernel's heap that the records take.
pub fn bytes_kept() -> usize {
    let records = RECORDS.lock();
    let texts: usize = records.kept.iter().map(|record| record.text.capacity()).sum();
    texts + records.kept.capacity() * size_of::<Record>()
}

/// Shows every record that is kept, oldest first.
pub fn survey(mut each: impl FnMut(&FaultInfo)) {
    RECORDS.lock().kept.iter().for_each(|record| each(&record.info));
}

/// Acts on the text of a record; none if it is not kept.
pub fn with_text<T>(number: u32, act: impl FnOnce(&str) -> T) -> Option<T> {
    let records = RECORDS.lock();
    let is_late = |record: &Record| planted(Bug::LateRecord) && record.info.number + 1 == records.next;
    let record = records.kept.iter().find(|record| record.info.number == number && !is_late(record))?;
    Some(act(&record.text))
}
