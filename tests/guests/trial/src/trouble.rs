//! Why a process of a test cannot go on.

use core::fmt;

use contracts::{Closed, Exhausted};
use rt::reconnect::Unavailable;

/// Why a run was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A channel was closed.
    Closed,
    /// Memory is exhausted.
    Exhausted,
    /// A service that is used does not run.
    Unavailable(Unavailable),
    /// Something is not as it should be.
    Wrong(&'static str),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Closed => f.write_str("a channel was closed"),
            Trouble::Exhausted => f.write_str("out of memory"),
            Trouble::Unavailable(unavailable) => unavailable.fmt(f),
            Trouble::Wrong(what) => f.write_str(what),
        }
    }
}

impl From<Closed> for Trouble {
    fn from(_: Closed) -> Self {
        Trouble::Closed
    }
}

impl From<Exhausted> for Trouble {
    fn from(_: Exhausted) -> Self {
        Trouble::Exhausted
    }
}

impl From<Unavailable> for Trouble {
    fn from(unavailable: Unavailable) -> Self {
        Trouble::Unavailable(unavailable)
    }
}
