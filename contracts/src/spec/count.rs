//! Counting lines, words and bytes of a text that comes in blocks.
//!
//! ```text
//! Idle --?Part--> Counting --!Counted--> Idle        as often as there are blocks
//! Idle --?Finish--> Finishing --!Totals--> Idle      and from the start again
//! ```

use crate::{Contract, ExBox};

/// What `wc` counts.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Count {
    /// The next part of the text.
    #[client(Idle => Counting)]
    Part {
        /// It lies at the start of this block.
        block: ExBox<[u8]>,
        /// Its bytes; what the block has beyond them does not count.
        length: u64,
    },
    /// The same block back.
    #[server(Counting => Idle)]
    Counted {
        /// The block that came with the part.
        block: ExBox<[u8]>,
    },
    /// There are no more parts.
    #[client(Idle => Finishing)]
    Finish,
    /// The sums over all parts since the last `Finish`.
    #[server(Finishing => Idle)]
    Totals {
        /// Newline characters.
        lines: u64,
        /// Runs of characters that are not white space.
        words: u64,
        /// Bytes.
        bytes: u64,
    },
}
