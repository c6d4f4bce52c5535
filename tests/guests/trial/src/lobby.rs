//! The contract with which sessions begin. It stands in two modules, each with a `Seat` of its own beside it.

use contracts::Contract;

use super::seat::{Client as SeatClient, Idle};

/// Where sessions begin.
///
/// ```text
/// Ready --?Enter--> Entering --!Seated--> Ready
///                   Entering --!Full--> Ready
/// Ready --?Guard--> Guarding --!Guarded--> Ready
/// Ready --?Settle--> Settling --!Settled--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Lobby {
    /// Asks for a session.
    #[client(Ready => Entering)]
    Enter,
    /// Its client's end.
    #[server(Entering => Ready)]
    Seated {
        /// The end.
        seat: SeatClient<Idle>,
    },
    /// There is no memory for one.
    #[server(Entering => Ready)]
    Full,
    /// Gives an end of another session away.
    #[client(Ready => Guarding)]
    Guard {
        /// The end.
        seat: SeatClient<Idle>,
    },
    /// And gets it back.
    #[server(Guarding => Ready)]
    Guarded {
        /// The end.
        seat: SeatClient<Idle>,
    },
    /// Asks the peer to do all that there is to do.
    #[client(Ready => Settling)]
    Settle,
    /// What was sent before is dealt with.
    #[server(Settling => Ready)]
    Settled,
}
