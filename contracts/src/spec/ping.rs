//! The smallest conversation, and one that measures it.
//!
//! ```text
//! PingPong   Idle --?Ping--> Waiting --!Pong--> Idle
//!
//! Pinger     Idle --?Run--> Running --!Done--> Idle
//!                           Running --!Gone--> Idle
//! ```

use crate::Contract;

/// A number goes there and comes back.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum PingPong {
    /// There.
    #[client(Idle => Waiting)]
    Ping {
        /// Anything.
        value: u64,
    },
    /// And back.
    #[server(Waiting => Idle)]
    Pong {
        /// What the ping said.
        value: u64,
    },
}

/// Asks a SIP to measure round trips with its own [`PingPong`] peer.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Pinger {
    /// Makes this many round trips.
    #[client(Idle => Running)]
    Run {
        /// How many.
        rounds: u64,
    },
    /// They are made.
    #[server(Running => Idle)]
    Done {
        /// What they took together, in nanoseconds.
        nanoseconds: u64,
        /// What they took together, in ticks of the processor's time-stamp counter. Under QEMU's `-icount shift=0` a
        /// tick is an instruction.
        ticks: u64,
    },
    /// The peer has gone.
    #[server(Running => Idle)]
    Gone {
        /// Round trips made before.
        rounds: u64,
    },
}
