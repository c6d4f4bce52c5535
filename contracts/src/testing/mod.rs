//! Peers to test a server or a client against, in plain `cargo test` on the host.
//!
//! A crate that serves a contract needs one line: `contracts = { ..., features = ["std"] }` among its
//! `[dev-dependencies]`. The side under test is a function of its endpoint; it runs on a thread of its own over a real
//! channel and cannot tell its peer from another program. The peer is
//!
//! - a [`Script`]: these messages, in this order, and those answers;
//! - or a [`Walk`]: whatever the contract allows, chosen and filled in by chance, and closing at any point. The same seed
//!   makes the same choices.
//!
//! Every message goes through its [wire form](crate::wire) on the way, so both also test that.
//!
//! ```
//! use contracts::spec::ping::{PingPong, ping_pong};
//! use contracts::testing::{Script, Walk};
//!
//! fn serve(mut server: ping_pong::Server<ping_pong::Idle>) {
//!     while let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() {
//!         server = next.pong(value);
//!     }
//! }
//!
//! Script::new().sends(PingPong::Ping { value: 7 }).expects(PingPong::Pong { value: 7 }).server(serve);
//! Walk::<PingPong>::new().seed(42).server(serve);
//! ```

#![allow(clippy::result_large_err, reason = "a test fails once")]

#[cfg(feature = "std")]
mod failure;
#[cfg(feature = "std")]
mod native;
mod random;
#[cfg(feature = "std")]
mod script;
#[cfg(feature = "std")]
mod session;
#[cfg(feature = "std")]
mod walk;

#[cfg(feature = "std")]
pub use failure::{Cause, Failure};
#[cfg(feature = "std")]
pub use native::{Native, Refused};
pub use random::Random;
#[cfg(feature = "std")]
pub use script::Script;
#[cfg(feature = "std")]
pub use walk::Walk;

use crate::wire::{Decoder, Message};

/// Message `number` of a contract, its fields made up.
///
/// # Panics
/// If the contract has no such message, or if the host has no memory for its blocks.
pub fn made_up<C: Message>(number: u16, random: &mut Random) -> C {
    C::from_body(number, &mut Decoder::random(random))
        .unwrap_or_else(|error| panic!("message {number} of {} cannot be made up: {error}", C::NAME))
}
