//! One session between the kit's peer and the side under test.

use std::any::Any;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::failure::{Cause, Failure, name};
use crate::endpoint::{Endpoint, Side};
use crate::time::Instant;
use crate::wire::{self, Dynamic, Encoder, Message, Packet, ReceiveError, Unsent};

/// How long the side under test is waited for, unless the test says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a thread that has closed its end, or whose peer has, may take to end.
pub(super) const LAST_BREATH: Duration = Duration::from_millis(100);

/// The peer's end, the thread under test, and what was said.
pub(super) struct Session<C> {
    peer: Dynamic<C>,
    tested: Tested,
    trace: Vec<String>,
    patience: Duration,
}

/// The thread of the side under test.
pub(super) struct Tested(Option<JoinHandle<()>>);

impl Tested {
    /// The message of its panic, if it has ended by one within a moment.
    pub(super) fn panicked(&mut self) -> Option<String> {
        self.panicked_by(std::time::Instant::now() + LAST_BREATH)
    }

    /// As [`Tested::panicked`], waiting until `deadline` at most.
    pub(super) fn panicked_by(&mut self, deadline: std::time::Instant) -> Option<String> {
        while !self.0.as_ref()?.is_finished() {
            if std::time::Instant::now() >= deadline {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.0.take()?.join().err().map(text)
    }
}

/// What a panic said.
pub(super) fn text(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast_ref::<&str>().unwrap_or(&"(no text)").to_string(),
    }
}

impl<C: Message> Session<C> {
    /// Begins a session: `run` is the side under test on its end.
    pub(super) fn new<P, E, R>(
        peer: P,
        end: E,
        patience: Duration,
        run: impl FnOnce(E) -> R + Send + 'static,
    ) -> Self
    where
        P: Endpoint<Contract = C>,
        E: Endpoint<Contract = C>,
    {
        let tested = thread::Builder::new()
            .name(format!("{} of {}", name(E::SIDE), C::NAME))
            .spawn(move || {
                run(end);
            })
            .expect("the host has memory for a thread");
        Session { peer: Dynamic::lingering(peer), tested: Tested(Some(tested)), trace: Vec::new(), patience }
    }

    /// Who sends next.
    pub(super) fn speaker(&self) -> Option<Side> {
        self.peer.monitor().speaker()
    }

    /// The side that the kit plays.
    pub(super) fn side(&self) -> Side {
        self.peer.side()
    }

    /// The messages that can come next.
    pub(super) fn allowed(&self) -> Vec<u16> {
        self.peer.monitor().allowed().map(|(message, _)| message).collect()
    }

    fn state(&self) -> &'static str {
        self.peer.monitor().description().name
    }

    /// A failure here.
    pub(super) fn failure(&self, cause: Cause) -> Failure {
        Failure {
            contract: C::NAME,
            tested: self.side().peer(),
            seed: None,
            state: self.state(),
            cause,
            trace: self.trace.clone(),
        }
    }

    /// What was said, and the message as a value again.
    fn record(&mut self, from: Side, state: u16, said: (Packet, String)) -> Result<C, Failure> {
        let (packet, text) = said;
        let (message, _) =
            wire::decode(from, state, packet).map_err(|error| self.failure(Cause::Script { error }))?;
        let state = C::DESCRIPTION.states[usize::from(state)].name;
        self.trace.push(format!("{state}: {} sends {text}", name(from)));
        Ok(message)
    }

    /// Sends a message; `look` sees it before.
    pub(super) fn send(&mut self, message: C, look: impl FnOnce(&C)) -> Result<(), Failure> {
        let said = in_words(message).map_err(|error| self.failure(Cause::Script { error }))?;
        let message = self.record(self.side(), self.peer.monitor().state(), said)?;
        look(&message);
        let deadline = Instant::now() + self.patience;
        let mut unsent = message;
        loop {
            unsent = match self.peer.try_send(unsent) {
                Ok(()) => return Ok(()),
                Err(Unsent::Full(message)) if Instant::now() < deadline => message,
                Err(Unsent::Full(_)) => return Err(self.failure(Cause::Deaf { waited: self.patience })),
                Err(Unsent::Closed(_)) => return Err(self.gone()),
                Err(Unsent::Forbidden(..)) => unreachable!("the contract allows what was decoded"),
            };
            thread::sleep(Duration::from_micros(100));
        }
    }

    /// The side under test has closed its end, by a panic or not.
    fn gone(&mut self) -> Failure {
        let cause = self.tested.panicked().map(|message| Cause::Panicked { message });
        self.failure(cause.unwrap_or(Cause::Closed))
    }

    /// Waits for a message, in words and as a packet.
    pub(super) fn receive(&mut self) -> Result<Said, Failure> {
        let state = self.peer.monitor().state();
        let deadline = Instant::now() + self.patience;
        match self.peer.receive_by(deadline) {
            Ok(message) => {
                let said = in_words(message).map_err(|error| self.failure(Cause::Script { error }))?;
                Ok(Said { said, state })
            }
            Err(ReceiveError::TimedOut) => Err(self.failure(Cause::Silent { waited: self.patience })),
            Err(ReceiveError::NotNow { .. }) => Err(self.failure(Cause::NotNow)),
            Err(ReceiveError::Closed | ReceiveError::OverLimit) => Err(self.gone()),
        }
    }

    /// Waits until the side under test has closed its end, whoever is to speak.
    pub(super) fn expect_close(&mut self) -> Result<(), Failure> {
        if self.speaker() == Some(self.side().peer()) {
            return match self.receive() {
                Err(Failure { cause: Cause::Closed, .. }) => Ok(()),
                Err(Failure { cause: Cause::Silent { .. }, .. }) => {
                    Err(self.failure(Cause::Open { got: None }))
                }
                Err(failure) => Err(failure),
                Ok(got) => Err(self.failure(Cause::Open { got: Some(got.said.1) })),
            };
        }
        if !self.peer.wait_closed(Instant::now() + self.patience) {
            return Err(self.failure(Cause::Open { got: None }));
        }
        match self.gone() {
            Failure { cause: Cause::Closed, .. } => Ok(()),
            failure => Err(failure),
        }
    }

    /// What was received, as a value, written down.
    pub(super) fn received(&mut self, said: Said) -> Result<C, Failure> {
        self.record(self.side().peer(), said.state, said.said)
    }

    /// Closes the peer's end.
    pub(super) fn close(mut self) -> (Tested, Failure) {
        self.trace.push(format!("{}: {} closes", self.state(), name(self.side())));
        let failure = self.failure(Cause::Closed);
        (self.tested, failure)
    }
}

/// A message that came in a state.
pub(super) struct Said {
    pub(super) said: (Packet, String),
    state: u16,
}

/// A message as a packet and for people.
pub(super) fn in_words<C: Message>(message: C) -> Result<(Packet, String), wire::DecodeError> {
    let mut encoder = Encoder::with_text();
    wire::encode_into(message, &mut encoder)?;
    Ok(encoder.finish())
}
