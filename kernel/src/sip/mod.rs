//! Software-isolated processes: what they are made of, and their life.
//!
//! ```text
//!            1 start             2 end_current          3 reap
//! (an image) -------> running ----------------> ended ---------> (gone)
//! ```
//!
//! A SIP's memory is one window of the address space: its image, its start page, its heap and its stacks, and nothing
//! else. What nobody can write of an image lies in the windows of all SIPs that run it. What a SIP owns outside of its
//! window (blocks, endpoints, sets) bears its number in the ledger. So its end is: its thread leaves, its endpoints
//! close, the ledger gives its blocks back, the window is unmapped.

#[cfg(feature = "bare")]
mod fault;
pub mod image;
#[cfg(feature = "bare")]
mod images;
#[cfg(feature = "bare")]
mod life;
#[cfg(feature = "bare")]
mod load;
#[cfg(feature = "bare")]
pub(crate) mod table;

#[cfg(feature = "bare")]
pub use fault::install as install_fault_handling;
#[cfg(feature = "bare")]
pub use life::{Exit, SipView, end_current, grow_heap, owner_name, reap_forever, start, survey, watch};
#[cfg(feature = "bare")]
pub use load::StartError;
