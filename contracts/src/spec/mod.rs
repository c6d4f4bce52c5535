//! The stock contracts, one protocol a file, its diagram first.
//!
//! In the diagrams `?` marks what the server receives and `!` what it sends.

pub mod archive;
pub mod block_device;
pub mod console;
pub mod count;
pub mod digest;
pub mod directory;
pub mod file;
pub mod log;
pub mod ping;
pub mod pipe;
pub mod probe;
pub mod serial;
pub mod socket;
pub mod store;
pub mod supervisor;
pub mod system;
pub mod timer;
