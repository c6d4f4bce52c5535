//! The Entente kernel: isolation by language, communication by contract.
//!
//! Principles:
//!
//! 1. **The core is portable.** What decides (ledger, channels, scheduler, manifests, frames, page tables) is plain
//!    Rust, tested on the host. Only [`arch`] knows the machine.
//! 2. **Interrupts only report.** A handler stores data in a lock-free ring and sets a bit in its core's `pending`
//!    word. Everything else happens at scheduling points, so kernel data needs no interrupt-safe locks.
//! 3. **A value is a proof.** A [`memory::frames::Frame`] is nobody else's; a [`memory::stacks::Stack`] has a guard
//!    page. Fields are private, so one module answers for each promise.
//! 4. **No page is writable and executable**, because no type can say so ([`memory::mapping::Access`]).
//! 5. **Blame is part of an error.** A fault in a SIP ends that SIP; only a fault of the kernel's own is a panic.
//!
//! Reading order: `start` (the sequence of boot), [`memory`], [`arch`].
#![cfg_attr(feature = "bare", no_std)]

extern crate alloc;

pub mod account;
pub mod arch;
#[cfg(feature = "bare")]
mod boot;
pub mod channel;
pub mod domain;
pub mod exchange;
#[cfg(feature = "campaign")]
mod injector;
pub mod log;
pub mod memory;
pub mod sched;
pub mod service;
pub mod sip;
#[cfg(feature = "bare")]
mod start;
pub mod symbols;
pub mod unwind;

/// Where the kernel is linked to run.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

#[cfg(feature = "bare")]
pub use start::{BOOT_STACK_SIZE, start};
