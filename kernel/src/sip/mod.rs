//! Software-isolated processes: what they are made of, and their life.
//!
//! ```text
//!            1 start           2 end_current, end       3 reap
//! (an image) -------> running -------------------> ended ------> (gone)
//! ```
//!
//! A SIP's memory is one window of the address space: its image, its start page, its heap and its stacks, and nothing
//! else. What nobody can write of an image lies in the windows of all SIPs that run it. What a SIP owns outside of its
//! window (blocks, endpoints, sets) bears its number in the ledger. So its end is: its thread leaves, its endpoints
//! close, the ledger gives its blocks back, the window is unmapped.

#[cfg(feature = "bare")]
mod fault;
#[cfg(feature = "bare")]
mod faults;
pub mod image;
#[cfg(feature = "bare")]
mod images;
#[cfg(feature = "bare")]
mod life;
#[cfg(feature = "bare")]
mod load;
#[cfg(feature = "bare")]
mod placement;
#[cfg(feature = "bare")]
mod reaper;
#[cfg(feature = "bare")]
mod start_error;
#[cfg(feature = "bare")]
pub(crate) mod table;
#[cfg(feature = "bare")]
mod trace;
pub mod vouching;
#[cfg(feature = "bare")]
mod window;

#[cfg(feature = "bare")]
pub use fault::install as install_fault_handling;
#[cfg(feature = "bare")]
pub use faults::{bytes_kept as fault_bytes, survey as survey_faults, with_text as with_fault_text};
#[cfg(feature = "bare")]
pub use life::{
    Exit, NoSuchSip, SipView, end, end_current, keep, owner_name, start, start_kept, survey, watch,
};
#[cfg(feature = "bare")]
pub(crate) use life::{
    account_of, connect_port, exit_thread, grow_heap, may_use, panicked, spawn_thread, translate,
};
#[cfg(feature = "campaign")]
pub(crate) use life::{kept, with_thread};
#[cfg(feature = "bare")]
pub use placement::{place_by_hand, trust};
#[cfg(feature = "bare")]
pub use reaper::reap_forever;
#[cfg(feature = "bare")]
pub use start_error::StartError;
#[cfg(feature = "campaign")]
pub(crate) use window::count as windows;
