//! A key-value store with versions and cursors.
//!
//! ```text
//! Store    Ready --?Get--> Getting --!Value--> Ready
//!                          Getting --!Missing--> Ready
//!                          Getting --!Full--> Ready
//!          Ready --?Put--> Putting --!Stored--> Ready
//!                          Putting --!Conflict--> Ready
//!                          Putting --!Full--> Ready
//!          Ready --?Delete--> Deleting --!Deleted--> Ready
//!                             Deleting --!Missing--> Ready
//!          Ready --?Scan--> Scanning --!Cursor--> Ready
//!                           Scanning --!Full--> Ready
//!
//! Cursor   Ready --?Next--> Moving --!Entry--> Ready
//!                           Moving --!Passed--> Ready
//!                           Moving --!Full--> Ready
//!          Ready --?Seek--> Moving
//!          Ready --?Close--> End
//! ```
//!
//! A cursor is a channel of its own: any number may be open, each at its own place, and one may be handed to another
//! process, which then reads that range and nothing else. A cursor sees each entry as it is when it gets there.

use crate::{Contract, ExBox, Exchange, Text};

/// A map from keys to values.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Store {
    /// Asks for a value.
    #[client(Ready => Getting)]
    Get {
        /// Its key.
        key: Key,
    },
    /// A copy of it.
    #[server(Getting => Ready)]
    Value {
        /// Its bytes.
        value: ExBox<[u8]>,
        /// Its version.
        version: u64,
    },
    /// Stores a value.
    #[client(Ready => Putting)]
    Put {
        /// Its key.
        key: Key,
        /// Its bytes. The block becomes the store's.
        value: ExBox<[u8]>,
        /// What must be there before.
        expect: Expect,
    },
    /// It is stored.
    #[server(Putting => Ready)]
    Stored {
        /// Its version. Versions of a store only grow.
        version: u64,
    },
    /// Something else is there, and stays.
    #[server(Putting => Ready)]
    Conflict {
        /// The value that came with the request.
        value: ExBox<[u8]>,
        /// The version that is there, 0 if there is none.
        version: u64,
    },
    /// Removes an entry.
    #[client(Ready => Deleting)]
    Delete {
        /// Its key.
        key: Key,
    },
    /// It is removed.
    #[server(Deleting => Ready)]
    Deleted,
    /// There is no entry with that key.
    #[server(Getting => Ready, Deleting => Ready)]
    Missing,
    /// Asks for a cursor.
    #[client(Ready => Scanning)]
    Scan {
        /// It goes over the entries whose keys begin like this; over all if empty.
        prefix: Key,
    },
    /// It is before the first entry.
    #[server(Scanning => Ready)]
    Cursor {
        /// The cursor.
        cursor: cursor::Client<cursor::Ready>,
    },
    /// There is no memory for what was asked. A value that came with the request is freed.
    #[server(Getting => Ready, Putting => Ready, Scanning => Ready)]
    Full,
}

/// A place in the order of a store's keys.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Cursor {
    /// Moves to the next entry.
    #[client(Ready => Moving)]
    Next,
    /// Moves to the first entry that is not before a key.
    #[client(Ready => Moving)]
    Seek {
        /// The key.
        key: Key,
    },
    /// It is there.
    #[server(Moving => Ready)]
    Entry {
        /// The entry's key.
        key: Key,
        /// A copy of its value.
        value: ExBox<[u8]>,
        /// Its version.
        version: u64,
    },
    /// There is none. The cursor is behind the last entry, and can be moved back.
    #[server(Moving => Ready)]
    Passed,
    /// There is no memory for a copy of its value. The cursor is where it was.
    #[server(Moving => Ready)]
    Full,
    /// Done with it.
    #[client(Ready => End)]
    Close,
}

/// A key. Keys are in the order of their bytes.
pub type Key = Text<64>;

/// What a [`Store::Put`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C, u8)]
pub enum Expect {
    /// Anything or nothing.
    Anything,
    /// No entry of that key.
    Nothing,
    /// This version of it.
    Version(u64),
}
