//! A stream from its server.

use contracts::{Contract, ExBox};

/// ```text
/// Ready --?Start--> Feeding --!Item--> Feeding        at most 64 in flight
///                   Feeding --!Parcel--> Feeding      at most 64 in flight
///                   Feeding --!Last--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Feed {
    /// Asks for all there is.
    #[client(Ready => Feeding)]
    Start,
    /// One of it.
    #[server(Feeding => Feeding, window = 64)]
    Item {
        /// How many came before it.
        number: u64,
    },
    /// One of it, in a block.
    #[server(Feeding => Feeding, window = 64)]
    Parcel {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// No more.
    #[server(Feeding => Ready)]
    Last,
}
