//! The runtime that every software-isolated process links.
//!
//! A SIP is a `main.rs` with [`manifest!`] and whatever it needs of this crate: its grants, a heap, the clock, the log, a
//! terminal to print on. Nothing here gives authority: that is in the endpoints that the kernel grants.
//!
//! This is the only crate on the SIPs' side that contains unsafe code. It also compiles for the host, so that
//! process logic built on it can be tested there; what only works inside a SIP says so.
#![no_std]

extern crate alloc;

pub mod clock;
pub mod heap;
pub mod log;
mod manifest;
pub mod reconnect;
pub mod start;
pub mod terminal;
pub mod thread;

/// The kernel's functions, for this crate's safe wrappers.
fn kernel() -> &'static contracts::abi::Table {
    // SAFETY: this is the runtime.
    unsafe { contracts::binding::bare::table() }
}

/// What [`manifest!`] expands to needs.
#[doc(hidden)]
pub mod private {
    pub use contracts::abi::Start;
    pub use contracts::export_memory_functions;
    pub use contracts::manifest::{
        DEFAULT_BLOCKS, DEFAULT_CHANNELS, DEFAULT_CPU_PERCENT, DEFAULT_MEMORY, DEFAULT_PRIORITY,
        DEFAULT_STACK, DEFAULT_THREADS, ManifestSpec,
    };
    pub use contracts::restart::{DEFAULT as DEFAULT_POLICY, Policy, Restart};
    pub use contracts::{Contract, Service};
    pub use core;

    /// A manifest's value, or the default that stands behind it. No constant of the macro's own holds it, whose name could
    /// be that of one of the user's.
    pub const fn first<T: Copy>(values: &[T]) -> T {
        values[0]
    }
}

/// The part of a block that a message speaks of: its first `length` bytes, or all if it says more than there is.
pub fn filled(block: &[u8], length: u64) -> &[u8] {
    &block[..usize::try_from(length).map_or(block.len(), |length| length.min(block.len()))]
}
