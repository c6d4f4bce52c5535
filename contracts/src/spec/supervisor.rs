//! Processes that are watched over, and what is to be done when one fails.
//!
//! ```text
//! Supervisor   Ready --?Start--> Starting --!Started--> Ready
//!                                Starting --!Refused--> Ready
//!              Ready --?Stop--> Stopping --!Stopped--> Ready
//!                               Stopping --!Unknown--> Ready
//!              Ready --?List--> Listing --!Children--> Ready
//!              Ready --?Restart--> Restarting --!Restarted--> Ready
//!                                  Restarting --!NotRestarted--> Ready
//!              Ready --?Survey--> Surveying --!Watched--> Ready
//!
//! Life         Living --!Failed--> Deciding
//!              Deciding --?Restart--> Restarting --!Restarted--> Living
//!                                     Restarting --!CannotRestart--> End
//!              Deciding --?GiveUp--> End
//!              Living --!Finished--> End
//! ```
//!
//! The processes of the system's wiring are started by the supervisor itself, and what is done when one fails is written in
//! its manifest. For a process that a client asks for, the client decides, one failure at a time: that is what `Life` is
//! for. In it the supervisor speaks first, so its client makes the channel and sends the server's end with `Start`. A
//! client that is gone has decided to give up.

use crate::{Contract, ExBox, Exchange, Name, Text};

/// Starts and stops processes.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Supervisor {
    /// Starts a process.
    #[client(Ready => Starting)]
    Start {
        /// Its name.
        name: Name,
        /// What it gets as its argument.
        argument: Text<200>,
        /// Where to tell how it fares.
        life: life::Server<life::Living>,
    },
    /// It runs.
    #[server(Starting => Ready)]
    Started {
        /// Its number, never used again. It keeps it over restarts.
        child: u32,
    },
    /// It does not. Nothing is said on its `life`.
    #[server(Starting => Ready)]
    Refused {
        /// Why.
        reason: Text<200>,
    },
    /// Ends a process that this client started.
    #[client(Ready => Stopping)]
    Stop {
        /// Its number.
        child: u32,
    },
    /// It has ended. Its `life` says `Finished`.
    #[server(Stopping => Ready)]
    Stopped,
    /// No process of that number runs.
    #[server(Stopping => Ready)]
    Unknown,
    /// Asks which processes there are.
    #[client(Ready => Listing)]
    List,
    /// All that this client started and that have not ended, oldest first.
    #[server(Listing => Ready)]
    Children {
        /// One entry each.
        children: ExBox<[Child]>,
    },
    /// Starts a process of the system's wiring again. If it runs it is ended; whatever it did before is forgotten.
    #[client(Ready => Restarting)]
    Restart {
        /// Its name.
        name: Name,
    },
    /// It runs.
    #[server(Restarting => Ready)]
    Restarted {
        /// As this SIP.
        sip: u32,
    },
    /// It was not started. If it ran before it still does, unless it could not be started again.
    #[server(Restarting => Ready)]
    NotRestarted {
        /// Why.
        reason: Text<200>,
    },
    /// Asks how the processes of the system's wiring fare.
    #[client(Ready => Surveying)]
    Survey,
    /// All of them, in the wiring's order.
    #[server(Surveying => Ready)]
    Watched {
        /// One entry each.
        processes: ExBox<[WatchedProcess]>,
    },
}

/// How one process fares, and what is to be done about it.
#[derive(Contract)]
#[contract(start = Living)]
pub enum Life {
    /// It failed, and waits for a decision.
    #[server(Living => Deciding)]
    Failed {
        /// In which way.
        failure: Failure,
        /// What it said, or where it was; may be empty.
        message: Text<200>,
        /// The number of the fault's record; 0 if there is none.
        fault: u32,
        /// How often it has been restarted so far.
        restarts: u32,
    },
    /// Starts it again, with the same argument.
    #[client(Deciding => Restarting)]
    Restart {
        /// Nanoseconds to wait before.
        after: u64,
    },
    /// It runs again.
    #[server(Restarting => Living)]
    Restarted,
    /// It could not be started again.
    #[server(Restarting => End)]
    CannotRestart {
        /// Why.
        reason: Text<200>,
    },
    /// Leaves it at that.
    #[client(Deciding => End)]
    GiveUp,
    /// It ended of its own accord, or was stopped.
    #[server(Living => End)]
    Finished,
}

/// How a process failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Failure {
    /// It returned failure.
    Status,
    /// It panicked.
    Panic,
    /// It did what the processor does not allow.
    Fault,
    /// It asked for more than its limit.
    Quota,
    /// Somebody else ended it.
    Killed,
}

/// A process of the system's wiring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct WatchedProcess {
    /// The SIP that it runs as; 0 if it does not run.
    pub sip: u32,
    /// How often it has been started again.
    pub restarts: u32,
    /// How it fares.
    pub condition: Condition,
    /// Its name.
    pub name: Name,
    /// Why it does not run; empty if it runs.
    pub reason: Text<200>,
}

/// How a watched process fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Condition {
    /// It runs.
    Runs,
    /// It is about to be started.
    Waits,
    /// It has ended, and its policy does not ask for a restart.
    Ended,
    /// It failed too often.
    GivenUp,
}

/// One process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Child {
    /// Its number.
    pub id: u32,
    /// How often it has been restarted.
    pub restarts: u32,
    /// Its name.
    pub name: Name,
}
