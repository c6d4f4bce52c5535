//! A byte pipe: what is written at one end is read at the other, and a writer that is too fast waits.
//!
//! ```text
//! Pipe         Ready --?Make--> Making --!Made--> Ready
//!                               Making --!Refused--> Ready
//!
//! PipeWriter   Open --?Write--> Writing --!Taken--> Open
//!                               Writing --!Broken--> End
//!              Open --?Finish--> End
//!
//! PipeReader   Open --?Read--> Reading --!Data--> Open
//!                              Reading --!Finished--> End
//!              Open --?Stop--> End
//! ```
//!
//! Backpressure is an answer that does not come: `Taken` waits until the pipe has room for the next block. Either end may
//! be handed to another process between two blocks, which is how a shell joins two programs.

use crate::{Contract, ExBox};

/// Makes pipes.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Pipe {
    /// Asks for a pipe.
    #[client(Ready => Making)]
    Make {
        /// Bytes it holds before its writer waits.
        capacity: u64,
    },
    /// A pipe's two ends.
    #[server(Making => Ready)]
    Made {
        /// Where bytes go in.
        writer: pipe_writer::Client<pipe_writer::Open>,
        /// Where they come out.
        reader: pipe_reader::Client<pipe_reader::Open>,
    },
    /// There is no memory for a pipe of that size.
    #[server(Making => Ready)]
    Refused,
}

/// The end of a pipe where bytes go in.
#[derive(Contract)]
#[contract(start = Open)]
pub enum PipeWriter {
    /// The next bytes.
    #[client(Open => Writing)]
    Write {
        /// They lie at the start of this block.
        block: ExBox<[u8]>,
        /// How many; as many as the block holds if it says more.
        length: u64,
    },
    /// They are in the pipe, and there is room for more.
    #[server(Writing => Open)]
    Taken {
        /// The block that came with the bytes.
        block: ExBox<[u8]>,
    },
    /// The reader is gone. Whether it has read the bytes is not known.
    #[server(Writing => End)]
    Broken {
        /// The block that came with the bytes.
        block: ExBox<[u8]>,
    },
    /// There are no more bytes. Who drops the endpoint says the same.
    #[client(Open => End)]
    Finish,
}

/// The end of a pipe where bytes come out.
#[derive(Contract)]
#[contract(start = Open)]
pub enum PipeReader {
    /// Asks for the next bytes.
    #[client(Open => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// The next bytes, in the order in which they were written.
    #[server(Reading => Open)]
    Data {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled, at least one if it holds any.
        length: u64,
    },
    /// There are no more, and never will be.
    #[server(Reading => End)]
    Finished {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
    },
    /// Wants no more bytes. Who drops the endpoint says the same.
    #[client(Open => End)]
    Stop,
}
