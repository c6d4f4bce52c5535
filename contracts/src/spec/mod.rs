//! The stock contracts, one protocol a file, its diagram first.
//!
//! In the diagrams `?` marks what the server receives and `!` what it sends.

pub mod archive;
pub mod console;
pub mod count;
pub mod digest;
pub mod directory;
pub mod ping;
pub mod probe;
pub mod serial;
pub mod system;
