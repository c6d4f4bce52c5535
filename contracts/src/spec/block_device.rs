//! A disk: numbered blocks of one size, read and written in runs.
//!
//! ```text
//! Ready --?Describe--> Describing --!Geometry--> Ready
//! Ready --?Read--> Reading --!Data--> Ready
//!                  Reading --!Failed--> Ready
//! Ready --?Write--> Writing --!Written--> Ready
//!                   Writing --!Failed--> Ready
//! Ready --?Flush--> Flushing --!Flushed--> Ready
//!                   Flushing --!Lost--> Ready
//! Ready --?Close--> End
//! ```
//!
//! The memory always comes back, whether the transfer worked or not: the driver keeps nothing.

use crate::{Contract, ExBox, Exchange};

/// What a block device speaks with one client.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum BlockDevice {
    /// Asks what kind of disk it is.
    #[client(Ready => Describing)]
    Describe,
    /// This kind. It does not change while the channel is open.
    #[server(Describing => Ready)]
    Geometry {
        /// How many blocks there are.
        blocks: u64,
        /// Bytes of each, a power of two.
        block_size: u32,
        /// Whether it can be written.
        access: Access,
    },
    /// Reads blocks.
    #[client(Ready => Reading)]
    Read {
        /// Number of the first.
        first: u64,
        /// Where to put them; a multiple of the block size long, which says how many they are.
        buffer: ExBox<[u8]>,
    },
    /// They are read.
    #[server(Reading => Ready)]
    Data {
        /// The buffer that came with the request, filled.
        buffer: ExBox<[u8]>,
    },
    /// Writes blocks. Until the next [`Flush`](BlockDevice::Flush) has been answered they may be lost.
    #[client(Ready => Writing)]
    Write {
        /// Number of the first.
        first: u64,
        /// What to write; a multiple of the block size long.
        buffer: ExBox<[u8]>,
    },
    /// They are written.
    #[server(Writing => Ready)]
    Written {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
    },
    /// Nothing was transferred, or not all of it.
    #[server(Reading => Ready, Writing => Ready)]
    Failed {
        /// Why.
        error: BlockError,
        /// The buffer that came with the request. What it holds after a failed read means nothing.
        buffer: ExBox<[u8]>,
    },
    /// Asks that all that was written survive a loss of power.
    #[client(Ready => Flushing)]
    Flush,
    /// It does.
    #[server(Flushing => Ready)]
    Flushed,
    /// Some of it does not, and which is not known.
    #[server(Flushing => Ready)]
    Lost,
    /// Done with the disk.
    #[client(Ready => End)]
    Close,
}

/// Whether a disk can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Access {
    /// It can be read and written.
    ReadWrite,
    /// It can only be read.
    ReadOnly,
}

/// Why blocks were not transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum BlockError {
    /// Some of the blocks are beyond the end of the disk.
    OutOfRange,
    /// The buffer's length is no multiple of the block size.
    Misaligned,
    /// The disk cannot be written.
    ReadOnly,
    /// The disk reports a fault.
    Device,
}

impl core::fmt::Display for BlockError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            BlockError::OutOfRange => "beyond the end of the disk",
            BlockError::Misaligned => "not a whole number of blocks",
            BlockError::ReadOnly => "the disk is read-only",
            BlockError::Device => "the disk reports a fault",
        })
    }
}
