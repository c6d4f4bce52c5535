//! How a channel's messages travel, chosen by where the two ends live.
//!
//! The rest of the crate is written against the functions of this module. Between SIPs (`bare`) they work on the
//! core's own data and the kernel's table; on a host (`host`, feature `std`) the two ends are threads of one
//! process. Which of the two is compiled in is the image's matter; no contract and no program can tell.

#[cfg(not(loom))]
#[cfg_attr(feature = "std", allow(dead_code, reason = "the host binding takes its place"))]
pub mod bare;
#[cfg(not(feature = "std"))]
pub(crate) use bare::*;

#[cfg(feature = "std")]
pub mod host;
#[cfg(feature = "std")]
pub(crate) use host::*;

/// Lets whoever waits on `end` know that there is something to receive. Sends do it by themselves; a kernel does it
/// when it closes the peer.
///
/// # Safety
///
/// The end is that of a channel, and open, so that what it names is there.
pub unsafe fn notify_end(end: &crate::abi::End) {
    notify(end);
}
