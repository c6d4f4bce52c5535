//! Hashing data that comes in blocks.
//!
//! ```text
//! Idle --?Part--> Hashing --!Hashed--> Idle          as often as there are blocks
//! Idle --?Finish--> Finishing --!Sum--> Idle         and from the start again
//! ```

use crate::{Contract, ExBox};

/// SHA-256 (FIPS 180-4).
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Digest {
    /// The next part of the data.
    #[client(Idle => Hashing)]
    Part {
        /// It lies at the start of this block.
        block: ExBox<[u8]>,
        /// Its bytes; what the block has beyond them does not count.
        length: u64,
    },
    /// The same block back.
    #[server(Hashing => Idle)]
    Hashed {
        /// The block that came with the part.
        block: ExBox<[u8]>,
    },
    /// There are no more parts.
    #[client(Idle => Finishing)]
    Finish,
    /// The hash of all parts since the last `Finish`.
    #[server(Finishing => Idle)]
    Sum {
        /// SHA-256, first byte first.
        sha256: [u8; 32],
    },
}
