//! Sets: what a thread waits on that waits for many ends.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{End, NEW_MEMBER, NOTIFY_SET, Set};
use contracts::sabotage::{Bug, planted};
use intrusive_collections::{LinkedList, LinkedListAtomicLink, UnsafeRef, intrusive_adapter};
use spin::Mutex;

use super::{CreateError, close_all, next_id};
use crate::account::Account;
use crate::service;

/// A set with what the kernel keeps of it.
#[repr(C)]
struct Record {
    /// What SIPs see; first, so that its address is this one's.
    shared: Set,
    holder: &'static Account,
    link: LinkedListAtomicLink,
}

intrusive_adapter!(Records = UnsafeRef<Record>: Record { link => LinkedListAtomicLink });

/// The sets of one holder.
pub struct Sets(Mutex<LinkedList<Records>>);

impl Sets {
    /// None.
    pub const fn new() -> Sets {
        Sets(Mutex::new(LinkedList::new(Records::NEW)))
    }
}

impl Default for Sets {
    fn default() -> Self {
        Self::new()
    }
}

/// A new, empty set of `holder`'s.
pub fn create_set(holder: &'static Account) -> Result<&'static Set, CreateError> {
    // SAFETY: the layout is not empty; the memory is initialised before it is referred to.
    let record = unsafe {
        let memory = alloc(Layout::new::<Record>()).cast::<Record>();
        if memory.is_null() {
            return Err(CreateError::OutOfMemory);
        }
        memory.write(Record {
            shared: Set {
                id: next_id(),
                owner: holder.owner().to_bits().into(),
                waiter: 0.into(),
                ready: ptr::null_mut::<End>().into(),
            },
            holder,
            link: LinkedListAtomicLink::new(),
        });
        &*memory
    };
    // SAFETY: it stays where it is until it is taken out of the list.
    holder.sets().0.lock().push_back(unsafe { UnsafeRef::from_raw(record) });
    Ok(&record.shared)
}

/// Whose set it is.
///
/// # Safety
///
/// The set was made by [`create_set`] and is not freed.
pub(super) unsafe fn holder(set: &Set) -> &'static Account {
    // SAFETY: the shared part comes first; passed on to the caller.
    unsafe { (*ptr::from_ref(set).cast::<Record>()).holder }
}

/// Frees a set. Nobody provides the service whose set it was any more; clients that were connected to it and that its holder
/// has not seen yet are closed. Between two of them it calls `pause`.
///
/// # Safety
///
/// The set has no other members, and nobody uses it any more.
pub unsafe fn close_set(set: &'static Set, pause: impl FnMut()) {
    // First, so that nobody is connected to it any more.
    service::withdraw_set(set);
    // SAFETY: passed on to the caller.
    let holder = unsafe { holder(set) };
    let word = ptr::from_ref(set) as usize | NOTIFY_SET;
    let is_newcomer = |end: &End| end.notify.load(Relaxed) == word && end.key.load(Relaxed) == NEW_MEMBER;
    if !planted(Bug::StrandedClient) {
        close_all(holder, is_newcomer, pause);
    }
    let record = ptr::from_ref(set).cast::<Record>();
    let mut sets = holder.sets().0.lock();
    // SAFETY: the set is in its holder's list.
    unsafe { sets.cursor_mut_from_ptr(record) }.remove();
    drop(sets);
    if planted(Bug::KeptSet) {
        return;
    }
    // SAFETY: it was allocated with this layout, and nobody uses it any more.
    unsafe { dealloc(record.cast_mut().cast(), Layout::new::<Record>()) };
}

/// Frees all sets of an account whose SIP is gone, and with it all their members.
pub(super) fn reclaim(holder: &'static Account) {
    while let Some(record) = holder.sets().0.lock().pop_front() {
        let record = UnsafeRef::into_raw(record);
        if planted(Bug::LastingSet) {
            continue;
        }
        // SAFETY: it was allocated with this layout, and has just left the list.
        unsafe { dealloc(record.cast(), Layout::new::<Record>()) };
    }
}
