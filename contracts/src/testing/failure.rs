//! What went wrong in a test.

use std::fmt;
use std::time::Duration;

use crate::endpoint::Side;
use crate::wire::DecodeError;

/// A test of one side that failed: why, and all that was said before.
pub struct Failure {
    /// The contract's name.
    pub contract: &'static str,
    /// The side under test.
    pub tested: Side,
    /// The seed of a [`Walk`](super::Walk) and which of its sessions it was, from 0.
    pub seed: Option<(u64, u32)>,
    /// The state's name.
    pub state: &'static str,
    /// What went wrong.
    pub cause: Cause,
    /// The messages, oldest first: state, sender, and the message.
    pub trace: Vec<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The side under test was to send something and did not.
    Silent {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The side under test was to receive a stream and did not: the window is full.
    Deaf {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The side under test closed its end and was not to.
    Closed,
    /// The side under test was to close its end and did not.
    Open {
        /// What it sent instead, if anything.
        got: Option<String>,
    },
    /// The side under test panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The side under test sent something else than the script says.
    Unexpected {
        /// What the script says.
        expected: String,
        /// What came.
        got: String,
    },
    /// A message does not agree with what the test's author says of the session.
    Refused {
        /// Why, from the author's assertion.
        message: String,
    },
    /// The script has a message that the contract does not allow there, or that has no wire form.
    Script {
        /// Why.
        error: DecodeError,
    },
    /// The script goes on where the session does not: the other side sends next, or nobody.
    NotNow,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Silent { waited } => write!(f, "nothing came in {waited:?}"),
            Cause::Deaf { waited } => write!(f, "it received nothing of a stream in {waited:?}"),
            Cause::Closed => f.write_str("the channel was closed"),
            Cause::Open { got: None } => f.write_str("the channel was to be closed and was not"),
            Cause::Open { got: Some(got) } => write!(f, "the channel was to be closed, and {got} came"),
            Cause::Panicked { message } => write!(f, "it panicked: {message}"),
            Cause::Unexpected { expected, got } => write!(f, "expected {expected}\n      got {got}"),
            Cause::Refused { message } => write!(f, "the test says: {message}"),
            Cause::Script { error } => write!(f, "the script is wrong: {error}"),
            Cause::NotNow => {
                f.write_str("the script is wrong: it goes on where the other side sends, or nobody")
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tested = name(self.tested);
        write!(f, "the {tested} of {} fails in state `{}`: {}", self.contract, self.state, self.cause)?;
        if let Some((seed, session)) = self.seed {
            write!(f, "\nseed {seed}, session {session}")?;
        }
        f.write_str("\nmessages:")?;
        for line in &self.trace {
            write!(f, "\n  {line}")?;
        }
        if self.trace.is_empty() { f.write_str(" none") } else { Ok(()) }
    }
}

/// As it is displayed: a failed `unwrap` is readable.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Failure {}

/// Panics with the failure, at the line of the test: a closure would be the place of its own.
#[track_caller]
pub(super) fn raise(result: Result<(), Failure>) {
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
