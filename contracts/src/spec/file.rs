//! Files: one contract to open them, one to use an open file.
//!
//! ```text
//! FileSystem   Ready --?Open--> Opening --!Opened--> Ready
//!                               Opening --!Refused--> Ready
//!              Ready --?Remove--> Removing --!Removed--> Ready
//!                                 Removing --!Refused--> Ready
//!
//! File         Ready --?Read--> Reading --!Data--> Ready
//!                               Reading --!Failed--> Ready
//!              Ready --?Write--> Writing --!Written--> Ready
//!                                Writing --!Failed--> Ready
//!              Ready --?Seek--> Seeking --!At--> Ready
//!                               Seeking --!OutOfRange--> Ready
//!              Ready --?Close--> Closing --!Closed--> End
//!                                Closing --!Lost--> End
//! ```
//!
//! An open file is a channel of its own: it can be handed to another process, which then has that file and no other.
//! `Close` is answered, because only then is it known whether what was written is kept; who does not care drops the
//! endpoint.

use crate::{Contract, ExBox, Exchange, Name};

/// Opens and removes files by name.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum FileSystem {
    /// Opens a file.
    #[client(Ready => Opening)]
    Open {
        /// Its name.
        name: Name,
        /// What for.
        mode: Mode,
    },
    /// It is open, at its first byte.
    #[server(Opening => Ready)]
    Opened {
        /// The file.
        file: file::Client<file::Ready>,
        /// Its size in bytes.
        size: u64,
    },
    /// Removes a file's name. Who has the file open keeps it.
    #[client(Ready => Removing)]
    Remove {
        /// Its name.
        name: Name,
    },
    /// There is no file of that name any more.
    #[server(Removing => Ready)]
    Removed,
    /// Nothing was done.
    #[server(Opening => Ready, Removing => Ready)]
    Refused {
        /// Why.
        error: FileError,
    },
}

/// One open file, with a position that reads and writes move.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum File {
    /// Asks for the bytes at the position.
    #[client(Ready => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// As many bytes as the buffer holds or the file has left. The position is behind them.
    #[server(Reading => Ready)]
    Data {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled; 0 at the end of the file.
        length: u64,
    },
    /// Writes bytes at the position.
    #[client(Ready => Writing)]
    Write {
        /// They lie at the start of this block.
        block: ExBox<[u8]>,
        /// How many.
        length: u64,
    },
    /// They are all written. The position is behind them.
    #[server(Writing => Ready)]
    Written {
        /// The block that came with the request.
        block: ExBox<[u8]>,
    },
    /// Nothing was read or written, and the position is where it was.
    #[server(Reading => Ready, Writing => Ready)]
    Failed {
        /// Why.
        error: FileError,
        /// The block that came with the request.
        block: ExBox<[u8]>,
    },
    /// Moves the position.
    #[client(Ready => Seeking)]
    Seek {
        /// What the offset counts from.
        from: Origin,
        /// In bytes; forwards if positive.
        offset: i64,
    },
    /// It is moved.
    #[server(Seeking => Ready)]
    At {
        /// Bytes from the start of the file. It may lie behind the end: a write there fills the gap with zeros.
        position: u64,
    },
    /// It would lie before the start of the file, and stays where it was.
    #[server(Seeking => Ready)]
    OutOfRange,
    /// Done with the file.
    #[client(Ready => Closing)]
    Close,
    /// All that was written is kept.
    #[server(Closing => End)]
    Closed,
    /// Some of what was written is lost.
    #[server(Closing => End)]
    Lost,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Mode {
    /// To read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; it must not exist, and does from then on.
    Create,
}

/// What a [`File::Seek`] counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Origin {
    /// The file's first byte.
    Start,
    /// The position.
    Position,
    /// The byte behind the file's last.
    End,
}

/// Why a file was not opened, removed, read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum FileError {
    /// There is no file of that name.
    NotFound,
    /// There is one already.
    Exists,
    /// The file is open to be read only.
    ReadOnly,
    /// There is no room for what would be written.
    Full,
    /// The request claims more bytes than its block holds.
    BadLength,
    /// There is no memory.
    Exhausted,
}

impl core::fmt::Display for FileError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            FileError::NotFound => "no such file",
            FileError::Exists => "the file exists",
            FileError::ReadOnly => "the file is open to be read only",
            FileError::Full => "no room left",
            FileError::BadLength => "more bytes than the block holds",
            FileError::Exhausted => "out of memory",
        })
    }
}
