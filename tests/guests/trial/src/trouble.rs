//! Why a process of a test cannot go on.

use core::fmt;

use contracts::{Closed, Exhausted};

/// Why a run was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A channel was closed.
    Closed,
    /// Memory is exhausted.
    Exhausted,
    /// Something is not as it should be.
    Wrong(&'static str),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::Closed => "a channel was closed",
            Trouble::Exhausted => "out of memory",
            Trouble::Wrong(what) => what,
        })
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
