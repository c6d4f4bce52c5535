//! The contract language of Entente: channels whose protocol the compiler checks and whose messages change
//! owner instead of being copied.
//!
//! Principles:
//!
//! 1. **The type is the state.** An endpoint's type names its contract, its side and its state; each step
//!    consumes it and returns the next. What a state does not allow has no method.
//! 2. **Sending cannot fail.** A channel is allocated once, at the depth its contract needs. Send takes no
//!    lock, makes no system call, allocates nothing, and succeeds also when the peer is gone; what it carries is then given
//!    up at once.
//! 3. **One owner.** Every block and endpoint has one owner at every instant, written in the ledger, in flight
//!    included. Destructors are a courtesy; the ledger is the guarantee.
//! 4. **The mechanism is not the program's business.** The same contract runs between SIPs on one core and,
//!    with feature `std`, between threads of a host process ([`binding`]).
//!
//! Reading order: [`exchange`] (what may cross), [`exbox`] (the owning handle), [`abi`] (the memory both sides
//! see), [`port`] (send and receive, untyped), [`endpoint`] (the typed layer that `derive(Contract)` fills in),
//! [`set`] (waiting on many), [`stream`] (many messages one way), [`extension`] (contracts that begin as others),
//! [`reach`] (what endpoints in messages lead to), [`spec`] (the stock contracts), [`wire`] (messages as bytes),
//! [`form`] (messages in native layout that are not believed), and,
//! with feature `std`, `testing` (peers to test a server or a client against).
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
// The derive names everything `::contracts::...`; the stock contracts use it from inside.
extern crate self as contracts;

pub mod abi;
pub mod any;
pub mod binding;
pub mod channel;
pub mod endpoint;
#[cfg(doc)]
#[doc = include_str!("errors.md")]
pub mod errors {}
pub mod exbox;
pub mod exchange;
pub mod extension;
pub mod fingerprint;
pub mod form;
pub mod freestanding;
pub mod gate;
#[doc(hidden)]
pub mod generated;
pub mod manifest;
pub mod port;
pub mod reach;
pub mod restart;
pub mod sabotage;
pub mod select;
pub mod set;
pub mod signature;
pub mod spec;
pub mod stream;
mod sync;
#[cfg(any(feature = "std", feature = "campaign"))]
pub mod testing;
pub mod text;
pub mod time;
pub mod wire;
mod words;

pub use any::AnyEndpoint;
pub use channel_derive::{Contract, Exchange};
pub use endpoint::{
    CarriedContract, Closed, Contract, Description, Endpoint, MessageDescription, Receive, ReceiveByError,
    SendFirst, Side, StateDescription, TryReceiveError,
};
pub use exbox::{ExBox, Exhausted};
pub use exchange::{Exchange, MOST_HANDLES, Transfer};
pub use extension::Extends;
pub use set::{Either, EndpointSet, Event, Member, Service};
pub use stream::{SendError, TrySendError};
pub use text::{Name, Text};
pub use time::Instant;

/// The README's Rust programs, compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
