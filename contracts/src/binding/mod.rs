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
#[inline]
pub unsafe fn notify_end(end: &crate::abi::End) {
    notify(end);
}

/// Makes an end a member of a set, for a kernel that does it for a domain.
///
/// # Safety
///
/// The end is open, in no set, and nobody waits by it alone; the set outlives its membership.
#[cfg(not(feature = "std"))]
pub unsafe fn join_end(set: &crate::abi::Set, end: &crate::abi::End) {
    // SAFETY: passed on to the caller.
    join_set(set, end, || unsafe { end.has_news() });
}

/// Lists an end among those of a set that have something to receive, unless it is, and wakes nobody.
///
/// # Safety
///
/// The end is a member of the set, which is the kernel's, and the caller is the one that waits on it.
#[cfg(not(feature = "std"))]
pub unsafe fn list_end(set: &crate::abi::Set, end: &crate::abi::End) {
    list(set, end);
}

/// The reverse of [`join_end`]; the end is in no set's list any more.
///
/// # Safety
///
/// The end is open, and if it is a member of a set, that is there.
#[cfg(not(feature = "std"))]
pub unsafe fn leave_end(end: &crate::abi::End) {
    expel(end);
}

/// Takes the whole list of a set's ready ends, newest first. They are members as before, and listed in the caller's own list.
///
/// # Safety
///
/// The set is the caller's.
#[cfg(not(feature = "std"))]
#[inline]
pub unsafe fn take_ready_ends(set: &crate::abi::Set) -> *const crate::abi::End {
    take_ready(set)
}
