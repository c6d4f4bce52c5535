//! A peer that goes where the contract lets it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::failure::{self, Cause, Failure};
use super::session::{LAST_BREATH, PATIENCE, Session, Tested, text};
use super::{Random, made_up};
use crate::endpoint::Side;
use crate::wire::Message;

/// Looks at every message of a session.
type Look<C> = Box<dyn FnMut(Side, &C)>;

/// A peer that walks random legal paths of the contract, its messages filled in by chance, blocks and endpoints included,
/// and that closes its end at any point. What it does follows from the seed.
#[must_use = "a walk runs against a server or a client"]
pub struct Walk<C> {
    seed: u64,
    sessions: u32,
    steps: usize,
    patience: Duration,
    closing: Closing,
    look: Box<dyn FnMut() -> Look<C>>,
}

/// Whether the side under test may close its end before the session is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Allowed,
    Failure,
}

impl<C: Message> Walk<C> {
    /// Twenty sessions of at most 100 messages with seed 0.
    pub fn new() -> Self {
        Walk {
            seed: 0,
            sessions: 20,
            steps: 100,
            patience: PATIENCE,
            closing: Closing::Failure,
            look: Box::new(|| Box::new(|_, _| {})),
        }
    }

    /// Where the choices come from.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many channels are made and walked, one after the other.
    pub fn sessions(mut self, sessions: u32) -> Self {
        self.sessions = sessions;
        self
    }

    /// How many messages, both ways, a session has at most.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// How long each answer is waited for; 10 s if not said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The side under test may close its end before the session is over.
    pub fn may_close(mut self) -> Self {
        self.closing = Closing::Allowed;
        self
    }

    /// Looks at every message, with its sender, and panics if it is not the right one. `look` makes one looker for each
    /// session.
    pub fn checked_by<L: FnMut(Side, &C) + 'static>(mut self, mut look: impl FnMut() -> L + 'static) -> Self {
        self.look = Box::new(move || Box::new(look()));
        self
    }

    /// Plays the client against `serve`.
    ///
    /// # Panics
    /// With the [`Failure`], if `serve` panics, is silent when it should speak, closes, or says what is not right.
    #[track_caller]
    pub fn server<R>(self, serve: impl FnOnce(C::Server) -> R + Clone + Send + 'static) {
        failure::raise(self.try_server(serve));
    }

    /// Plays the server against `use_it`.
    ///
    /// # Panics
    /// As [`Walk::server`].
    #[track_caller]
    pub fn client<R>(self, use_it: impl FnOnce(C::Client) -> R + Clone + Send + 'static) {
        failure::raise(self.try_client(use_it));
    }

    /// As [`Walk::server`].
    ///
    /// # Errors
    /// The [`Failure`].
    pub fn try_server<R>(
        self,
        serve: impl FnOnce(C::Server) -> R + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        self.run(|patience| {
            let (client, server) = C::channel().expect("the host has memory for a channel");
            Session::new(client, server, patience, serve.clone())
        })
    }

    /// As [`Walk::client`].
    ///
    /// # Errors
    /// The [`Failure`].
    pub fn try_client<R>(
        self,
        use_it: impl FnOnce(C::Client) -> R + Clone + Send + 'static,
    ) -> Result<(), Failure> {
        self.run(|patience| {
            let (client, server) = C::channel().expect("the host has memory for a channel");
            Session::new(server, client, patience, use_it.clone())
        })
    }

    fn run(mut self, begin: impl Fn(Duration) -> Session<C>) -> Result<(), Failure> {
        let mut random = Random::new(self.seed);
        let mut ended: Vec<(Tested, Failure)> = Vec::new();
        for session in 0..self.sessions {
            let steps = random.below(self.steps + 1);
            let look = (self.look)();
            // A session's choices do not depend on how much chance the one before has used up.
            let chance = Random::new(random.bits());
            let seed = Some((self.seed, session));
            let walked = walk(begin(self.patience), steps, self.closing, chance, look);
            let (tested, failure) = walked.map_err(|failure| Failure { seed, ..failure })?;
            ended.push((tested, Failure { seed, ..failure }));
        }
        // A server may live on with other clients in mind: nobody waits for it for ever.
        let deadline = std::time::Instant::now() + LAST_BREATH;
        for (mut tested, failure) in ended {
            if let Some(message) = tested.panicked_by(deadline) {
                return Err(Failure { cause: Cause::Panicked { message }, ..failure });
            }
        }
        Ok(())
    }
}

fn walk<C: Message>(
    mut session: Session<C>,
    steps: usize,
    closing: Closing,
    mut random: Random,
    mut look: Look<C>,
) -> Result<(Tested, Failure), Failure> {
    for _ in 0..steps {
        let Some(speaker) = session.speaker() else { break };
        let looked = if speaker == session.side() {
            let allowed = session.allowed();
            let message = made_up(allowed[random.below(allowed.len())], &mut random);
            let mut refused = Ok(());
            match session.send(message, |message| refused = see(&mut look, speaker, message)) {
                Err(Failure { cause: Cause::Closed, .. }) if closing == Closing::Allowed => break,
                sent => sent?,
            }
            refused
        } else {
            let said = match session.receive() {
                Err(Failure { cause: Cause::Closed, .. }) if closing == Closing::Allowed => break,
                said => said?,
            };
            let message = session.received(said)?;
            see(&mut look, speaker, &message)
        };
        looked.map_err(|cause| session.failure(cause))?;
    }
    Ok(session.close())
}

/// What the test's author says of a message.
fn see<C>(look: &mut Look<C>, from: Side, message: &C) -> Result<(), Cause> {
    catch_unwind(AssertUnwindSafe(|| look(from, message)))
        .map_err(|panic| Cause::Refused { message: text(panic) })
}

impl<C: Message> Default for Walk<C> {
    fn default() -> Self {
        Walk::new()
    }
}
