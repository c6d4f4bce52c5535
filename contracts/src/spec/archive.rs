//! The files of the boot archive.
//!
//! ```text
//! Ready --?List--> Listing --!Files--> Ready
//! Ready --?Open--> Opening --!Opened--> Open
//!                  Opening --!NotFound--> Ready
//! Open --?Read--> Reading --!Data--> Open
//! Open --?Close--> Ready
//! ```
//!
//! The reader brings the block that the data goes into and may pass it on as it is: the bytes are written once.

use crate::{Contract, ExBox, Exchange, Name};

/// Read-only files by name.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Archive {
    /// Asks which files there are.
    #[client(Ready => Listing)]
    List,
    /// All files, in the archive's order.
    #[server(Listing => Ready)]
    Files {
        /// One entry each.
        files: ExBox<[FileInfo]>,
    },
    /// Opens a file.
    #[client(Ready => Opening)]
    Open {
        /// Its name.
        name: Name,
    },
    /// The file is open; the next read starts at its first byte.
    #[server(Opening => Open)]
    Opened {
        /// Its size in bytes.
        size: u64,
    },
    /// There is no file of that name.
    #[server(Opening => Ready)]
    NotFound,
    /// Asks for the next bytes of the file.
    #[client(Open => Reading)]
    Read {
        /// Where to put them.
        buffer: ExBox<[u8]>,
    },
    /// The next bytes: as many as the buffer holds or the file has left.
    #[server(Reading => Open)]
    Data {
        /// The buffer that came with the request.
        buffer: ExBox<[u8]>,
        /// How many bytes at its start were filled; 0 at the end of the file.
        length: u64,
    },
    /// Done with this file.
    #[client(Open => Ready)]
    Close,
}

/// One file of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct FileInfo {
    /// Its name.
    pub name: Name,
    /// Its size in bytes.
    pub size: u64,
}

/// The memory that the boot archive lies in, as the kernel hands it to the SIP that serves it: one at a time.
///
/// ```text
/// Start --?Take--> Taking --!Image--> End
///                  Taking --!Taken--> End
/// ```
#[derive(Contract)]
#[contract(start = Start)]
pub enum BootImage {
    /// Asks for it.
    #[client(Start => Taking)]
    Take,
    /// Here it is, as a block.
    #[server(Taking => End)]
    Image {
        /// The tar file.
        image: ExBox<[u8]>,
    },
    /// Somebody has it, or there is no memory for its entry in the ledger.
    #[server(Taking => End)]
    Taken,
}
