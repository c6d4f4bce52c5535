//! Where a thread leaves the fast path: it waits for the kernel to decide who runs, or, in a domain, for what the kernel brings.

use core::sync::atomic::Ordering::Relaxed;

use super::{core, is_listed, kernel};
use crate::abi::{End, Set};
use crate::gate;

/// As [`is_listed`], after the kernel has listed the members of a set that stands for one of its.
#[cold]
#[inline(never)]
pub(super) fn is_listed_beyond(set: &Set) -> bool {
    if let Some(handle) = gate::handle(set.id) {
        gate_wait(handle, 0);
    }
    is_listed(set)
}

/// What a thread waits on.
#[derive(Clone, Copy)]
pub(super) enum On<'a> {
    End(&'a End),
    Set(&'a Set),
}

impl On<'_> {
    /// Its handle, if it stands for something of the kernel's.
    pub(super) fn handle(self) -> Option<u64> {
        match self {
            // SAFETY: who waits on an end holds it, and it is open.
            On::End(end) => gate::handle(unsafe { end.channel() }.id),
            On::Set(set) => gate::handle(set.id),
        }
    }
}

/// Has the kernel decide who runs until there is something.
#[cold]
#[inline(never)]
pub(super) fn block(on: On<'_>) {
    match on.handle() {
        None => (kernel().thread_block)(),
        Some(handle) => gate_wait(handle, u64::MAX),
    }
}

/// See [`Table::gate_wait`].
pub(crate) fn gate_wait(handle: u64, deadline: u64) {
    (kernel().gate_wait)(handle, deadline);
}

/// Notes that a shadow's ring has a message of which the kernel is to be told, at the next call at the latest.
pub(crate) fn post(handle: u64) {
    let unsent = &core().unsent;
    match unsent.load(Relaxed) {
        0 => unsent.store(handle, Relaxed),
        noted if noted == handle => {}
        // This tells it of both, in their order.
        _ => (kernel().gate_send)(handle),
    }
}

/// See [`Table::gate_join`].
pub(crate) fn gate_join(set: u64, end: u64) {
    (kernel().gate_join)(set, end);
}

/// See [`Table::violation`].
pub(crate) fn violation(end: &'static End, what: u32) {
    // SAFETY: the end is open.
    unsafe { (kernel().violation)(end, what) };
}
