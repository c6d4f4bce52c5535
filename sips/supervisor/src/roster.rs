//! The processes of the system's wiring: which of them run, and which are to be started when.
//!
//! It decides and does nothing: what it is told is what happened, and the time is told with it.
//!
//! ```text
//!            +------------ 2 refused -----------+
//!            v                                  |
//!   +--> waits --1 due, started--> runs --3 ended--> waits | ended | given up
//!   |                                |                          |       |
//!   +-------- 4 restart -------------+--------------------------+-------+
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use contracts::manifest::{Role, Supervised};
use contracts::restart::Policy;
use contracts::spec::supervisor::{Condition, WatchedProcess};
use contracts::{Instant, Name, Text};

use crate::history::{End, History, Verdict};

/// A process of the wiring, by its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(usize);

/// How a process fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It runs as this SIP.
    Runs(u32),
    /// It is to be started then, if all that it needs runs.
    Waits(Instant),
    /// It has ended, and is not to be started again.
    Ended(End),
    /// It failed too often.
    GivenUp,
}

#[derive(Debug)]
struct Process {
    name: String,
    role: Role,
    needs: Vec<Place>,
    history: History,
    state: State,
    /// How often it was started.
    starts: u32,
    /// How it ended, or why it was not started, the last time.
    last: Text<200>,
    /// Somebody asked for its end, to have it started again.
    asked: Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Restart,
}

/// All processes, in the wiring's order.
#[derive(Debug)]
pub struct Roster(Vec<Process>);

/// What a process needs to be started and does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack<'a> {
    /// It needs this process, which is about to be started.
    Down(&'a str),
    /// It needs this process, which nobody will start.
    Gone(&'a str),
}

impl fmt::Display for Lack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::Down(name) => write!(f, "it needs {name}, which does not run yet"),
            Lack::Gone(name) => write!(f, "it needs {name}, which is not started any more"),
        }
    }
}

/// A process in words and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Its name.
    pub name: &'a str,
    /// The SIP that it runs as; 0 if it does not run.
    pub sip: u32,
    /// How often it has been started again.
    pub restarts: u32,
    /// How it fares.
    pub condition: Condition,
    /// What it waits for, if it waits for more than its time.
    pub lack: Option<Lack<'a>>,
    /// How it ended, or why it was not started, the last time; may be empty.
    pub last: &'a str,
}

/// How the system as a whole is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over<'a> {
    /// What it was there for has ended, and is not started again.
    Done(End),
    /// What it is there for cannot be started.
    Stuck {
        /// What it is there for.
        name: &'a str,
        /// Why not.
        lack: Lack<'a>,
    },
}

impl Roster {
    /// All processes of a wiring, to be started at `now`. A process needs only such as come before it there.
    pub fn new(wiring: &[Supervised], now: Instant) -> Self {
        let process = |(place, process): (usize, &Supervised)| {
            let before = &wiring[..place];
            let find = |name: &String| before.iter().position(|needed| needed.name == *name).map(Place);
            Process {
                name: process.name.clone(),
                role: process.role,
                needs: process.needs.iter().filter_map(find).collect(),
                history: History::new(process.policy),
                state: State::Waits(now),
                starts: 0,
                last: Text::EMPTY,
                asked: Asked::Nothing,
            }
        };
        Roster(wiring.iter().enumerate().map(process).collect())
    }

    /// A process's name.
    pub fn name(&self, place: Place) -> &str {
        &self.0[place.0].name
    }

    /// A process's policy.
    pub fn policy(&self, place: Place) -> &Policy {
        self.0[place.0].history.policy()
    }

    /// The process of this name.
    pub fn find(&self, name: &str) -> Option<Place> {
        self.0.iter().position(|process| process.name == name).map(Place)
    }

    /// The SIP that a process runs as.
    pub fn sip(&self, place: Place) -> Option<u32> {
        match self.0[place.0].state {
            State::Runs(sip) => Some(sip),
            _ => None,
        }
    }

    /// What keeps a process from being started, but for its time.
    pub fn lack(&self, place: Place) -> Option<Lack<'_>> {
        self.lacks(&self.0[place.0])
    }

    fn lacks(&self, process: &Process) -> Option<Lack<'_>> {
        process.needs.iter().find_map(|need| {
            let name = self.name(*need);
            match self.0[need.0].state {
                State::Runs(_) => None,
                State::Waits(_) => Some(
                    self.lacks(&self.0[need.0]).filter(|lack| lack.is_final()).unwrap_or(Lack::Down(name)),
                ),
                State::Ended(_) | State::GivenUp => Some(Lack::Gone(name)),
            }
        })
    }

    /// When the next process is to be started, unless another event comes first; none if that alone can bring one about.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.0.iter().filter(|process| self.lacks(process).is_none());
        waiting.filter_map(|process| if let State::Waits(at) = process.state { Some(at) } else { None }).min()
    }

    /// The first process that is to be started at `now`. Say what came of it by [`Roster::started`] or [`Roster::refused`].
    pub fn due(&self, now: Instant) -> Option<Place> {
        let due = |process: &Process| {
            matches!(process.state, State::Waits(at) if at <= now) && self.lacks(process).is_none()
        };
        self.0.iter().position(due).map(Place)
    }

    /// A process runs as `sip`. Says how often it was started before.
    pub fn started(&mut self, place: Place, sip: u32) -> u32 {
        let process = &mut self.0[place.0];
        process.state = State::Runs(sip);
        process.asked = Asked::Nothing;
        process.starts = process.starts.saturating_add(1);
        process.starts - 1
    }

    /// A process was not started, and why. That counts as a failure.
    pub fn refused(&mut self, place: Place, why: Text<200>, now: Instant) -> Verdict {
        self.judge(place, End::Failure, why, now)
    }

    /// A process that ran has ended, and how.
    pub fn ended(&mut self, place: Place, end: End, how: Text<200>, now: Instant) -> Verdict {
        let process = &mut self.0[place.0];
        if process.asked == Asked::Restart {
            process.state = State::Waits(now);
            return Verdict::Restart { after: Duration::ZERO };
        }
        self.judge(place, end, how, now)
    }

    fn judge(&mut self, place: Place, end: End, last: Text<200>, now: Instant) -> Verdict {
        let process = &mut self.0[place.0];
        process.last = last;
        let verdict = process.history.ended(end, now);
        process.state = match verdict {
            Verdict::Leave => State::Ended(end),
            Verdict::Restart { after } => State::Waits(now + after),
            Verdict::GiveUp => State::GivenUp,
        };
        verdict
    }

    /// Somebody wants a process started again, whatever its policy. If it runs, its SIP is to be ended; else it is started
    /// as soon as it can be.
    pub fn restart(&mut self, place: Place, now: Instant) -> Option<u32> {
        let process = &mut self.0[place.0];
        process.history.clear();
        match process.state {
            State::Runs(sip) => {
                process.asked = Asked::Restart;
                Some(sip)
            }
            _ => {
                process.state = State::Waits(now);
                None
            }
        }
    }

    /// Whether the system has come to an end.
    pub fn over(&self) -> Option<Over<'_>> {
        let purposes = self.0.iter().filter(|process| process.role == Role::Purpose);
        purposes
            .filter_map(|process| match process.state {
                State::Runs(_) => None,
                State::Waits(_) => {
                    let lack = self.lacks(process).filter(|lack| lack.is_final())?;
                    Some(Over::Stuck { name: &process.name, lack })
                }
                State::Ended(end) => Some(Over::Done(end)),
                State::GivenUp => Some(Over::Done(End::Failure)),
            })
            .next()
    }

    /// How each process fares.
    pub fn survey(&self) -> impl ExactSizeIterator<Item = View<'_>> {
        self.0.iter().map(|process| {
            let (sip, condition, lack) = match process.state {
                State::Runs(sip) => (sip, Condition::Runs, None),
                State::Waits(_) => (0, Condition::Waits, self.lacks(process)),
                State::Ended(_) => (0, Condition::Ended, None),
                State::GivenUp => (0, Condition::GivenUp, None),
            };
            let (name, last) = (process.name.as_str(), process.last.as_str());
            View { name, sip, restarts: process.starts.saturating_sub(1), condition, lack, last }
        })
    }
}

impl From<View<'_>> for WatchedProcess {
    fn from(view: View<'_>) -> Self {
        let reason = match (view.condition, view.lack) {
            (Condition::Runs, _) => Text::EMPTY,
            (_, Some(lack)) => Text::of(format_args!("{lack}")),
            (_, None) => Text::truncated(view.last),
        };
        let View { sip, restarts, condition, .. } = view;
        WatchedProcess { sip, restarts, condition, name: Name::truncated(view.name), reason }
    }
}

impl Lack<'_> {
    /// Whether only somebody's word can change it.
    fn is_final(&self) -> bool {
        matches!(self, Lack::Gone(_))
    }
}

#[cfg(test)]
mod tests;
