//! How the kernel's own threads learn that a SIP has ended: by a contract, as everybody else.
//!
//! ```text
//! Idle --?Watch--> Watching --!Ended--> End
//! ```

use contracts::spec::system::Exit;
use contracts::{Contract, Text};

/// Waits for the end of a SIP.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Watch {
    /// Begins to wait.
    #[client(Idle => Watching)]
    Watch,
    /// It has ended.
    #[server(Watching => End)]
    Ended {
        /// How.
        exit: Exit,
        /// What it said when it panicked, or where it faulted; empty otherwise.
        message: Text<300>,
    },
}
