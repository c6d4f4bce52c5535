//! The processes that clients have asked for. What is done when one fails, its client decides.

use alloc::collections::BTreeMap;
use core::mem;

use contracts::spec::supervisor::life::{self, Living};
use contracts::spec::supervisor::supervisor::{Server, Stopping};
use contracts::spec::supervisor::{Child, Failure};
use contracts::spec::system::Exit;
use contracts::{Either, Instant, Name, Text};

use crate::history::End;
use crate::kernel::NotStarted;
use crate::serve::{Report, Stop, Supervisor, Tag};

/// A client, by a number that is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub(crate) u64);

/// Somebody who waits for a process to end.
type Stopper = (Server<Stopping>, Client);

struct Process {
    client: Client,
    name: Name,
    argument: Text<200>,
    /// How often it was started again.
    restarts: u32,
    state: State,
}

enum State {
    /// It runs as this SIP.
    Runs(u32, life::Server<Living>),
    /// It runs no longer than until its end is told.
    Stops(life::Server<Living>, Stopper),
    /// It has failed, and its client is to decide; its `Life` is waited on.
    Undecided,
    /// It is to be started again then.
    Waits(Instant, life::Server<life::Restarting>),
}

/// All of them, by their numbers, oldest first.
#[derive(Default)]
pub(crate) struct Children {
    by_id: BTreeMap<u32, Process>,
    last: u32,
}

impl Children {
    /// Those that a client has asked for.
    pub(crate) fn of(&self, client: Client) -> impl Iterator<Item = Child> {
        let own = self.by_id.iter().filter(move |(_, process)| process.client == client);
        own.map(|(id, process)| Child { id: *id, restarts: process.restarts, name: process.name })
    }

    /// Whether its client is to decide about it.
    pub(crate) fn is_undecided(&self, child: u32) -> bool {
        matches!(self.by_id.get(&child), Some(Process { state: State::Undecided, .. }))
    }

    /// Its client wants it started again at that time.
    pub(crate) fn decided(&mut self, child: u32, at: Instant, life: life::Server<life::Restarting>) {
        if let Some(process) = self.by_id.get_mut(&child) {
            process.state = State::Waits(at, life);
        }
    }

    /// It is not to be started again.
    pub(crate) fn forget(&mut self, child: u32) {
        self.by_id.remove(&child);
    }

    /// A client wants one of its processes to end.
    pub(crate) fn stop(&mut self, child: u32, client: Client, stopper: Server<Stopping>) -> Stop {
        let Some(process) = self.by_id.get_mut(&child).filter(|process| process.client == client) else {
            return Stop::Answer(stopper.unknown());
        };
        match mem::replace(&mut process.state, State::Undecided) {
            State::Runs(sip, life) => {
                process.state = State::Stops(life, (stopper, client));
                Stop::Kill(sip)
            }
            State::Waits(_, life) => {
                life.cannot_restart(Text::truncated("it was stopped"));
                self.forget(child);
                Stop::Answer(stopper.stopped())
            }
            // It does not run, and its end is its client's to decide on that other channel.
            State::Undecided => Stop::Answer(stopper.unknown()),
            // Its client waits for the answer and asks for nothing else.
            state @ State::Stops(..) => {
                process.state = state;
                Stop::Answer(stopper.unknown())
            }
        }
    }

    /// When the next of them is to be started again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting().map(|(_, at)| at).min()
    }

    /// The first that is to be started again at `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<u32> {
        self.waiting().find(|(_, at)| *at <= now).map(|(child, _)| child)
    }

    fn waiting(&self) -> impl Iterator<Item = (u32, Instant)> {
        self.by_id.iter().filter_map(|(child, process)| match process.state {
            State::Waits(at, _) => Some((*child, at)),
            _ => None,
        })
    }
}

/// How a client is told of an end that is no success.
fn failure(exit: Exit) -> Failure {
    match exit {
        Exit::Panic => Failure::Panic,
        Exit::Fault => Failure::Fault,
        Exit::Memory | Exit::Time => Failure::Quota,
        Exit::Killed => Failure::Killed,
        Exit::Success | Exit::Failure => Failure::Status,
    }
}

impl Supervisor<'_> {
    /// Starts a process for a client.
    ///
    /// # Errors
    /// Why it was not started.
    pub(crate) fn start_child(
        &mut self,
        client: Client,
        name: Name,
        argument: Text<200>,
        life: life::Server<Living>,
    ) -> Result<u32, NotStarted> {
        let (sip, end) = self.kernel.start(name, argument)?;
        self.children.last += 1;
        let child = self.children.last;
        let process = Process { client, name, argument, restarts: 0, state: State::Runs(sip, life) };
        self.children.by_id.insert(child, process);
        self.members.insert(Either::That(Either::This(end)), Tag::Child(child));
        Ok(child)
    }

    /// Starts a process again, as its client decided.
    pub(crate) fn start_child_again(&mut self, child: u32) {
        let Some(process) = self.children.by_id.remove(&child) else { return };
        let State::Waits(_, life) = process.state else { return };
        match self.kernel.start(process.name, process.argument) {
            Ok((sip, end)) => {
                let (restarts, state) = (process.restarts + 1, State::Runs(sip, life.restarted()));
                self.children.by_id.insert(child, Process { restarts, state, ..process });
                self.members.insert(Either::That(Either::This(end)), Tag::Child(child));
            }
            Err(error) => life.cannot_restart(Text::of(format_args!("{error}"))),
        }
    }

    /// A process that a client asked for has ended.
    pub(crate) fn child_ended(&mut self, child: u32, report: &Report) {
        let Some(process) = self.children.by_id.remove(&child) else { return };
        match process.state {
            State::Stops(life, (stopper, client)) => {
                life.finished();
                self.welcome(stopper.stopped(), client);
            }
            State::Runs(_, life) if report.end() == End::Success => life.finished(),
            State::Runs(_, life) => {
                let message = Text::truncated(&report.message);
                let life = life.failed(failure(report.exit), message, report.fault, process.restarts);
                self.children.by_id.insert(child, Process { state: State::Undecided, ..process });
                self.members.insert(Either::That(Either::That(life)), Tag::Child(child));
            }
            State::Undecided | State::Waits(..) => {}
        }
    }
}
