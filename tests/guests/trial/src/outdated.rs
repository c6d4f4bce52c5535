//! The table's contracts as a program has them that was built before `Seat` changed.

use contracts::{Contract, ExBox};

pub use self::room::{Lobby, lobby};

#[allow(clippy::duplicate_mod, reason = "the same source in two programs")]
#[path = "lobby.rs"]
mod room;

/// A session, when blocks held numbers: whoever took the bytes that are given now for these would read beyond the block.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Seat {
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
}
