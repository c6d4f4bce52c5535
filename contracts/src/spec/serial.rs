//! The serial port, as the kernel offers it to the one SIP that owns the terminal.
//!
//! ```text
//! SerialInput    Idle --?Read--> Reading --!Data--> Idle
//! SerialOutput   Idle --?Write--> Writing --!Written--> Idle
//! ```
//!
//! Two contracts, because both directions go on at the same time.

use crate::{Contract, ExBox};

/// Bytes from the terminal.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum SerialInput {
    /// Asks for bytes.
    #[client(Idle => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// There are some.
    #[server(Reading => Idle)]
    Data {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled, at least one.
        length: u64,
    },
}

/// Bytes to the terminal.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum SerialOutput {
    /// Prints bytes.
    #[client(Idle => Writing)]
    Write {
        /// They lie at the start of this block.
        block: ExBox<[u8]>,
        /// How many.
        length: u64,
    },
    /// They are on their way.
    #[server(Writing => Idle)]
    Written {
        /// The block that came with the request.
        block: ExBox<[u8]>,
    },
}
