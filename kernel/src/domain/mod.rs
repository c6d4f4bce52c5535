//! Domains: spaces of their own, in which code runs in ring 3 that nobody vouches for.
//!
//! A domain runs the same image as a SIP in the kernel's space. What differs is what the image finds where the kernel
//! should be: in place of the kernel's functions a page of system calls, in place of the core's data and of its account
//! a page of its own, in which it may write whatever it likes, for the kernel never looks there.
//!
//! Nothing that a domain passes is believed. Its memory is reached by [`UserMemory`] alone; a call that is none, or that
//! passes an address which the domain cannot use itself, does nothing.
//!
//! [`UserMemory`]: crate::memory::space::UserMemory

#[cfg(feature = "bare")]
mod calls;
#[cfg(feature = "bare")]
mod carried;
#[cfg(feature = "bare")]
mod gate;
pub mod handles;
#[cfg(feature = "bare")]
mod messages;
#[cfg(feature = "bare")]
mod page;
#[cfg(feature = "bare")]
mod shadows;
#[cfg(feature = "bare")]
mod shelf;

#[cfg(feature = "bare")]
pub(crate) use calls::{GATE_WAIT, call, wait};
#[cfg(feature = "bare")]
pub use gate::Domain;
#[cfg(feature = "bare")]
pub(crate) use page::map_gate;
#[cfg(feature = "bare")]
pub use page::{ACCOUNT, PAGES, STACK_PAGES, TABLE};
#[cfg(feature = "bare")]
pub use shadows::NoRoom;
