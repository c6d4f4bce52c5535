//! The system's diary: anyone writes, a reader follows.
//!
//! ```text
//! Log         Open --?Write--> Writing --!Written--> Open
//!             Open --?Close--> End
//!
//! LogReader   Ready --?Read--> Reading --!Records--> Ready
//!             Ready --?Await--> Waiting --!News--> Ready
//! ```
//!
//! A log keeps as much as it has room for. A reader names the record that it wants next and is told how many it has
//! missed, so it knows of each record or of its loss.

use crate::{Contract, ExBox, Exchange, Text};

/// Writes records.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Log {
    /// The next record.
    #[client(Open => Writing)]
    Write {
        /// How much it matters.
        level: Level,
        /// What happened, in one line.
        text: Line,
    },
    /// It is kept.
    #[server(Writing => Open)]
    Written {
        /// Its number: one more than that of the record before.
        number: u64,
    },
    /// Nothing more to say.
    #[client(Open => End)]
    Close,
}

/// Reads records.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum LogReader {
    /// Asks for records.
    #[client(Ready => Reading)]
    Read {
        /// Number of the first that is wanted.
        from: u64,
        /// The least level that is wanted.
        level: Level,
        /// Where to put them.
        buffer: ExBox<[Record]>,
    },
    /// Those there are, oldest first.
    #[server(Reading => Ready)]
    Records {
        /// The buffer that came with the request.
        buffer: ExBox<[Record]>,
        /// How many records at its start were filled; 0 if there are no such records yet.
        count: u64,
        /// Number of the first record that was wanted and not looked at: where the next read begins.
        resume: u64,
        /// How many of those wanted are kept no longer, whatever their level.
        lost: u64,
    },
    /// Waits for a record.
    #[client(Ready => Waiting)]
    Await {
        /// Its number.
        number: u64,
    },
    /// It is there.
    #[server(Waiting => Ready)]
    News,
}

/// The text of a record.
pub type Line = Text<200>;

/// How much a record matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Exchange)]
#[repr(u8)]
pub enum Level {
    /// For who looks for a fault.
    Debug,
    /// That something went as it should.
    Info,
    /// That something did not, and was dealt with.
    Warning,
    /// That something did not, and was not.
    Error,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Record {
    /// Its number.
    pub number: u64,
    /// Nanoseconds from the system's start until it was written.
    pub time: u64,
    /// How much it matters.
    pub level: Level,
    /// What happened.
    pub text: Line,
}
