//! What the protocols are made of: atomics, and on a host locks, threads and a clock.
//!
//! They are the machine's, and cost nothing more for being named here. With `--cfg loom` they are those of
//! [loom](https://docs.rs/loom), which runs a test in every order in which its threads can take their steps and see each
//! other's. That is how `tests/interleavings` checks this code itself and not a copy of it.

#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod real;

#[cfg(loom)]
pub(crate) use modelled::*;
#[cfg(not(loom))]
pub(crate) use real::*;
