//! `top`: how busy the processes are.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::console::console::{self, ClientReading, ClientWatching, Reading, Watching};
use contracts::spec::system::ProcessInfo;
use contracts::time::sleep_until;
use contracts::{ExBox, Instant, ReceiveByError};

use super::look::kib;
use super::number;
use crate::failure::Failure;
use crate::table::{Align, Table};
use crate::{Audience, Shell};

/// From one look to the next.
const PAUSE: Duration = Duration::from_secs(1);
/// Ticks of the timer in a second.
const TICKS_A_SECOND: u64 = 250;
/// Clears the screen. (ECMA-48: CUP, ED)
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What ends `top` before its time.
enum Stop {
    /// Any key.
    Key(console::Client<Reading>),
    /// Ctrl-C.
    CtrlC(console::Client<Watching>),
    /// Nothing: there is no further channel to the console now.
    Nothing,
}

impl Shell {
    pub(super) fn top(&mut self, rounds: Option<&str>) -> Result<(), Failure> {
        let for_ever = rounds.is_none() && self.audience == Audience::Person;
        let rounds: u32 = rounds.map_or(Ok(1), |rounds| number(rounds, "a number of rounds"))?;
        let mut stop = match (for_ever, self.terminal.another(), ExBox::zeroed(64)) {
            (true, Some(console), Ok(block)) => Stop::Key(console.read(block)),
            // It would never end.
            (true, ..) => return Err(Failure::Gone("console")),
            (false, Some(console), _) => Stop::CtrlC(console.watch()),
            (false, None, _) => Stop::Nothing,
        };
        let mut before = (Instant::now(), self.processes()?);
        let mut round = 0;
        while for_ever || round < rounds {
            stop = match stop.wait(before.0 + PAUSE)? {
                Some(stop) => stop,
                None => return Ok(()),
            };
            let now = (Instant::now(), self.processes()?);
            let heading = match (for_ever, round) {
                (true, _) => CLEAR,
                (false, 0) => "",
                (false, _) => "\n",
            };
            self.print(&format!("{heading}{}", table(&before.1, &now.1, now.0 - before.0)));
            // Whoever waits for the next round sees this one.
            let _ = self.terminal.flush();
            before = now;
            round = round.saturating_add(1);
        }
        Ok(())
    }
}

impl Stop {
    /// Waits until `deadline`; nothing if a key was pressed before.
    fn wait(self, deadline: Instant) -> Result<Option<Stop>, Failure> {
        match self {
            Stop::Key(reading) => match reading.receive_by(deadline) {
                Err(ReceiveByError::TimedOut(reading) | ReceiveByError::OverLimit(reading)) => {
                    Ok(Some(Stop::Key(reading)))
                }
                Ok(ClientReading::Input { .. }) => Ok(None),
                Err(ReceiveByError::Closed) => Err(Failure::Gone("console")),
            },
            Stop::CtrlC(watching) => match watching.receive_by(deadline) {
                Err(ReceiveByError::TimedOut(watching) | ReceiveByError::OverLimit(watching)) => {
                    Ok(Some(Stop::CtrlC(watching)))
                }
                Ok(ClientWatching::CtrlC { .. }) => Err(Failure::Interrupted),
                Err(ReceiveByError::Closed) => {
                    sleep_until(deadline);
                    Ok(Some(Stop::Nothing))
                }
            },
            Stop::Nothing => {
                sleep_until(deadline);
                Ok(Some(Stop::Nothing))
            }
        }
    }
}

/// The processes, the busiest first.
fn table(before: &[ProcessInfo], now: &[ProcessInfo], passed: Duration) -> Table<6> {
    let milliseconds = passed.as_millis().max(1) as u64;
    let mut lines: Vec<(u64, &ProcessInfo, [String; 6])> = Vec::with_capacity(now.len());
    for process in now {
        let earlier = before.iter().find(|earlier| earlier.id == process.id);
        // What it had of the channels that it has no more counts no more.
        let (ticks, messages) = earlier.map_or((0, 0), |earlier| (earlier.ticks, earlier.messages));
        let ticks = process.ticks.saturating_sub(ticks);
        let per_mille = (ticks * 1_000_000 / (TICKS_A_SECOND * milliseconds)).min(1000);
        let messages = process.messages.saturating_sub(messages) * 1000 / milliseconds;
        let row = [
            process.id.to_string(),
            format!("{}.{} %", per_mille / 10, per_mille % 10),
            messages.to_string(),
            kib(process.memory),
            kib(process.blocks),
            process.name.to_string(),
        ];
        lines.push((per_mille, process, row));
    }
    lines.sort_by_key(|(per_mille, process, _)| (core::cmp::Reverse(*per_mille), process.id));
    let mut table = Table::new([
        ("ID", Align::Right),
        ("CPU", Align::Right),
        ("MESSAGES/S", Align::Right),
        ("MEMORY", Align::Right),
        ("BLOCKS", Align::Right),
        ("NAME", Align::Left),
    ]);
    lines.into_iter().for_each(|(_, _, row)| table.row(row));
    table
}
