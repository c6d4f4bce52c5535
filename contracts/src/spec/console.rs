//! The terminal, shared by those who print and the one who reads.
//!
//! ```text
//! Ready --?Write--> Writing --!Written--> Ready
//! Ready --?Read--> Reading --!Input--> Ready
//! Ready --?Poll--> Polling --!Interrupted--> Ready
//!                  Polling --!Quiet--> Ready
//! Ready --?Watch--> Watching --!CtrlC--> Ready
//! ```

use crate::{Contract, ExBox};

/// A terminal: bytes out, keys in.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Console {
    /// Prints bytes. Those of one write stay together.
    #[client(Ready => Writing)]
    Write {
        /// They lie at the start of this block.
        block: ExBox<[u8]>,
        /// How many.
        length: u64,
    },
    /// They are printed.
    #[server(Writing => Ready)]
    Written {
        /// The block that came with the request.
        block: ExBox<[u8]>,
    },
    /// Asks for keys as the terminal sends them: no echo, no line discipline, Ctrl-C as byte 3.
    #[client(Ready => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// Keys, in the order they came.
    #[server(Reading => Ready)]
    Input {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled, at least one.
        length: u64,
    },
    /// Asks, without waiting, whether Ctrl-C was pressed since the last read or poll. Keys before it are dropped.
    #[client(Ready => Polling)]
    Poll,
    /// It was.
    #[server(Polling => Ready)]
    Interrupted,
    /// It was not.
    #[server(Polling => Ready)]
    Quiet,
    /// Asks to be told when Ctrl-C is pressed. The latest to ask is told, and nobody else sees that key. Who no longer
    /// cares closes the channel.
    #[client(Ready => Watching)]
    Watch,
    /// It is pressed.
    #[server(Watching => Ready)]
    CtrlC,
}
