//! A peer that says what it is told to.

use std::time::Duration;

use super::failure::{self, Cause, Failure};
use super::session::{PATIENCE, Session, in_words};
use crate::wire::Message;

enum Step<C> {
    Sends(C),
    Expects(C),
    ExpectsThat(String, Box<dyn FnOnce(&C) -> bool>),
    ExpectsClose,
}

/// A peer that sends given messages and expects given answers, and at the end closes its end.
#[must_use = "a script runs against a server or a client"]
pub struct Script<C> {
    steps: Vec<Step<C>>,
    patience: Duration,
}

impl<C: Message> Script<C> {
    /// A script without steps.
    pub fn new() -> Self {
        Script { steps: Vec::new(), patience: PATIENCE }
    }

    /// The peer sends this.
    pub fn sends(mut self, message: C) -> Self {
        self.steps.push(Step::Sends(message));
        self
    }

    /// The side under test sends this. Blocks are compared by content, endpoints by contract, side and state.
    pub fn expects(mut self, message: C) -> Self {
        self.steps.push(Step::Expects(message));
        self
    }

    /// The side under test sends something of which `holds` is true; `what` says it in words.
    pub fn expects_that(mut self, what: &str, holds: impl FnOnce(&C) -> bool + 'static) -> Self {
        self.steps.push(Step::ExpectsThat(what.to_owned(), Box::new(holds)));
        self
    }

    /// The side under test closes its end: without a word if it is to speak next, without waiting for one if the peer is,
    /// and at the end of the session by its last message.
    pub fn expects_close(mut self) -> Self {
        self.steps.push(Step::ExpectsClose);
        self
    }

    /// How long each answer is waited for; 10 s if not said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Plays the client against `serve`.
    ///
    /// # Panics
    /// With the [`Failure`], if `serve` does not do what the script says.
    #[track_caller]
    pub fn server<R>(self, serve: impl FnOnce(C::Server) -> R + Send + 'static) {
        failure::raise(self.try_server(serve));
    }

    /// Plays the server against `use_it`.
    ///
    /// # Panics
    /// With the [`Failure`], if `use_it` does not do what the script says.
    #[track_caller]
    pub fn client<R>(self, use_it: impl FnOnce(C::Client) -> R + Send + 'static) {
        failure::raise(self.try_client(use_it));
    }

    /// As [`Script::server`].
    ///
    /// # Errors
    /// The [`Failure`].
    pub fn try_server<R>(self, serve: impl FnOnce(C::Server) -> R + Send + 'static) -> Result<(), Failure> {
        let (client, server) = C::channel().expect("the host has memory for a channel");
        let session = Session::new(client, server, self.patience, serve);
        self.run(session)
    }

    /// As [`Script::client`].
    ///
    /// # Errors
    /// The [`Failure`].
    pub fn try_client<R>(self, use_it: impl FnOnce(C::Client) -> R + Send + 'static) -> Result<(), Failure> {
        let (client, server) = C::channel().expect("the host has memory for a channel");
        let session = Session::new(server, client, self.patience, use_it);
        self.run(session)
    }

    fn run(self, mut session: Session<C>) -> Result<(), Failure> {
        for step in self.steps {
            match step {
                Step::Sends(message) => session.send(message, |_| {})?,
                Step::Expects(message) => {
                    let (expected, expected_text) =
                        in_words(message).map_err(|error| session.failure(Cause::Script { error }))?;
                    let got = session.receive()?;
                    if !got.said.0.is_like(&expected) {
                        let got = got.said.1;
                        return Err(session.failure(Cause::Unexpected { expected: expected_text, got }));
                    }
                    session.received(got)?;
                }
                Step::ExpectsThat(what, holds) => {
                    let got = session.receive()?;
                    let text = got.said.1.clone();
                    if !holds(&session.received(got)?) {
                        return Err(session.failure(Cause::Unexpected { expected: what, got: text }));
                    }
                }
                Step::ExpectsClose => session.expect_close()?,
            }
        }
        let (mut tested, failure) = session.close();
        match tested.panicked() {
            Some(message) => Err(Failure { cause: Cause::Panicked { message }, ..failure }),
            None => Ok(()),
        }
    }
}

impl<C: Message> Default for Script<C> {
    fn default() -> Self {
        Script::new()
    }
}
