//! What the supervisor waits for, and what it does about it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use contracts::spec::supervisor::life::{self, Deciding, ServerDeciding};
use contracts::spec::supervisor::supervisor::{Ready, Restarting, Server, ServerReady};
use contracts::spec::system::ending::{self, Running, ServerRunning};
use contracts::spec::system::{Exit, Outcome};
use contracts::{Closed, Either, EndpointSet, Event, ExBox, Instant, Text};

use crate::children::{Children, Client};
use crate::history::End;
use crate::kernel::Kernel;
use crate::roster::{Over, Place, Roster};

/// Whom the supervisor waits for: a client, the end of a process, or a client's decision about one.
pub type Member = Either<Server<Ready>, Either<ending::Server<Running>, life::Server<Deciding>>>;

/// Whom a member speaks of.
#[derive(Clone, Copy, Debug, Default)]
pub enum Tag {
    /// A client that has not said anything yet.
    #[default]
    Stranger,
    /// A client.
    Client(Client),
    /// A process of the wiring.
    Wired(Place),
    /// A process that a client has asked for.
    Child(u32),
}

/// Who is to read a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Whoever looks at the log.
    Log,
    /// Also whoever sits at the terminal.
    Terminal,
}

/// Where lines go.
pub type Say<'a> = &'a mut dyn FnMut(Reader, fmt::Arguments<'_>);

/// The supervisor at work.
pub struct Supervisor<'a> {
    pub(crate) members: EndpointSet<Member, Tag>,
    pub(crate) kernel: Kernel,
    pub(crate) roster: Roster,
    pub(crate) children: Children,
    /// Those who wait for a process of the wiring to be started again.
    pub(crate) askers: BTreeMap<Place, Vec<(Server<Restarting>, Client)>>,
    pub(crate) say: Say<'a>,
    clients: u64,
}

/// How a SIP ended.
pub(crate) struct Report {
    pub(crate) exit: Exit,
    pub(crate) message: Text<300>,
    pub(crate) fault: u32,
}

impl Report {
    /// That of a SIP of which the kernel had nothing to say.
    const UNSAID: Report = Report { exit: Exit::Failure, message: Text::EMPTY, fault: 0 };

    pub(crate) fn end(&self) -> End {
        if self.exit == Exit::Success { End::Success } else { End::Failure }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.exit.recorded(&self.message, self.fault))
    }
}

impl<'a> Supervisor<'a> {
    /// A supervisor of these processes, none of which runs yet.
    pub fn new(members: EndpointSet<Member, Tag>, kernel: Kernel, roster: Roster, say: Say<'a>) -> Self {
        let (children, askers) = (Children::default(), BTreeMap::new());
        Supervisor { members, kernel, roster, children, askers, say, clients: 0 }
    }

    /// Starts the processes and watches them until the system has come to an end, which it tells the kernel.
    pub fn run(mut self) -> Outcome {
        self.start_due();
        let running = self.roster.survey().filter(|process| process.sip != 0).count();
        (self.say)(Reader::Log, format_args!("{running} processes started"));
        loop {
            if let Some(over) = self.roster.over() {
                let outcome = match over {
                    Over::Done(End::Success) => Outcome::Success,
                    Over::Done(End::Failure) => Outcome::Failure,
                    Over::Stuck { name, lack } => {
                        (self.say)(Reader::Terminal, format_args!("{name} cannot be started: {lack}"));
                        Outcome::Failure
                    }
                };
                self.kernel.shut_down(outcome);
                return outcome;
            }
            let event = match [self.roster.deadline(), self.children.deadline()].into_iter().flatten().min() {
                Some(deadline) => self.members.receive_by(deadline),
                None => Some(self.members.receive()),
            };
            if let Some(Event { received, data }) = event {
                self.react(received, data);
            }
            self.start_due();
        }
    }

    fn start_due(&mut self) {
        let now = Instant::now();
        while let Some(place) = self.roster.due(now) {
            self.start_wired(place, now);
        }
        while let Some(child) = self.children.due(now) {
            self.start_child_again(child);
        }
    }

    fn react(&mut self, received: Result<<Member as contracts::Member>::Received, Closed>, tag: Tag) {
        match (received, tag) {
            (Ok(Either::This(request)), Tag::Client(client)) => self.answer(request, client),
            (Ok(Either::This(request)), _) => {
                self.clients += 1;
                self.answer(request, Client(self.clients));
            }
            (Ok(Either::That(Either::This(ServerRunning::Ended { exit, message, fault }))), tag) => {
                self.ended(tag, &Report { exit, message, fault });
            }
            (Ok(Either::That(Either::That(ServerDeciding::Restart { after, next }))), Tag::Child(child)) => {
                self.children.decided(child, Instant::now() + Duration::from_nanos(after), next);
            }
            (Ok(Either::That(Either::That(_))), Tag::Child(child)) => self.children.forget(child),
            // Who is gone has decided to give up.
            (Err(Closed), Tag::Child(child)) if self.children.is_undecided(child) => {
                self.children.forget(child)
            }
            (Err(Closed), tag) => self.ended(tag, &Report::UNSAID),
            (Ok(Either::That(Either::That(_))), _) => {}
        }
    }

    /// Whoever the tag names is gone.
    fn ended(&mut self, tag: Tag, report: &Report) {
        match tag {
            Tag::Wired(place) => self.wired_ended(place, report),
            Tag::Child(child) => self.child_ended(child, report),
            // A client asks for nothing any more; what it asked for goes on.
            Tag::Stranger | Tag::Client(_) => {}
        }
    }

    fn answer(&mut self, request: ServerReady, client: Client) {
        let next = match request {
            ServerReady::Start { name, argument, life, next } => {
                match self.start_child(client, name, argument, life) {
                    Ok(child) => next.started(child),
                    Err(error) => next.refused(Text::of(format_args!("{error}"))),
                }
            }
            ServerReady::Stop { child, next } => match self.children.stop(child, client, next) {
                Stop::Kill(sip) => return self.kernel.kill(sip),
                Stop::Answer(next) => next,
            },
            ServerReady::List { next } => {
                let mut own = self.children.of(client);
                let count = self.children.of(client).count();
                // Without memory for the list the client is dropped, and sees its channel closed.
                let Ok(list) = ExBox::from_fn(count, |_| own.next().expect("as many as were counted")) else {
                    return;
                };
                next.children(list)
            }
            ServerReady::Restart { name, next } => return self.restart_wired(&name, next, client),
            ServerReady::Survey { next } => {
                let mut processes = self.roster.survey();
                let count = processes.len();
                let Ok(list) =
                    ExBox::from_fn(count, |_| processes.next().expect("as many as were counted").into())
                else {
                    return;
                };
                next.watched(list)
            }
        };
        self.welcome(next, client);
    }

    /// Waits for a client's next request.
    pub(crate) fn welcome(&mut self, next: Server<Ready>, client: Client) {
        self.members.insert(Either::This(next), Tag::Client(client));
    }
}

/// What is to be done to stop a process that a client asked for.
pub(crate) enum Stop {
    /// The SIP is to be ended; the client is answered when it has.
    Kill(u32),
    /// Nothing; the client has its answer.
    Answer(Server<Ready>),
}
