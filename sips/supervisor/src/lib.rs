//! Starts the system's processes, and starts again those that fail.
//!
//! The kernel starts the supervisor and nothing else of the system. The supervisor reads the wiring, starts the processes
//! in their order, and waits for their ends, one channel each. What is done about an end is the [`Policy`] of the
//! process's manifest; a process whose providers do not run waits for them. A new incarnation gets new endpoints under the
//! same service's name, and nothing else of the one before.
//!
//! Others have it start further processes, by the contract `Supervisor`; what is done when one of those fails, they decide.
//!
//! Reading order: [`history`] (one process's ends against its policy) and [`roster`] (all processes of the wiring) decide,
//! and know no channel and no clock; [`serve`] does.
//!
//! [`Policy`]: contracts::restart::Policy
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod children;
pub mod history;
mod kernel;
pub mod roster;
pub mod serve;
mod wired;

pub use kernel::{Kernel, NoWiring};

#[cfg(test)]
mod tests;
