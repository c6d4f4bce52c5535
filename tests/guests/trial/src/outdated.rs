//! The table's contracts as a program has them that was built before `Seat` changed: its blocks held numbers.

use contracts::{Contract, ExBox};

use self::seat::{Client as SeatClient, Idle};

/// The table's, word for word.
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

/// The table's, but for what is given: whoever took its bytes for numbers would read beyond the block.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Seat {
    /// A block to keep; one kept before is freed.
    #[client(Idle => Keeping)]
    Keep {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// It is kept.
    #[server(Keeping => Idle)]
    Kept,
    /// Asks for the kept block.
    #[client(Idle => Asking)]
    Ask,
    /// Here it is.
    #[server(Asking => Idle)]
    Given {
        /// The block.
        block: ExBox<[u64]>,
    },
    /// None is kept.
    #[server(Asking => Idle)]
    Nothing,
    /// A block in exchange for the kept one.
    #[client(Idle => Swapping)]
    Swap {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// The one kept before; the same one if there was none.
    #[server(Swapping => Idle)]
    Swapped {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// Ends the session; a kept block is freed.
    #[client(Idle => End)]
    Leave,
}
