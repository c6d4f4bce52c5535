//! The channels and sets of the running system: their birth, their end, and a list of them.

use alloc::alloc::{alloc, dealloc};
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{Channel, End, NEW_MEMBER, NOTIFY_SET, Owner, Set, Tracked};
use contracts::binding::notify_end;
use contracts::channel::{Carried, Closing, Shape, initialise};
use contracts::manifest::ContractInfo;
use hashbrown::HashMap;
use spin::Mutex;

use crate::exchange;

/// Memory for a channel or a set is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

struct Live {
    channel: &'static Channel,
    shape: Shape,
}

/// What people want to know of a contract; taken from the first image that uses it.
struct Names {
    contract: String,
    states: Vec<String>,
}

struct Tables {
    channels: Option<HashMap<u64, Live>>,
    sets: Option<HashMap<u64, &'static Set>>,
    names: Option<HashMap<u64, Names>>,
    next: u64,
}

static TABLES: Mutex<Tables> = Mutex::new(Tables { channels: None, sets: None, names: None, next: 1 });

/// A new channel, both ends owned by `owner`.
pub fn create(shape: &Shape, owner: Owner) -> Result<&'static Channel, OutOfMemory> {
    let mut tables = TABLES.lock();
    tables.channels.get_or_insert_default().try_reserve(1).map_err(|_| OutOfMemory)?;
    // SAFETY: a channel's layout is never empty; the memory is fresh.
    let channel: &'static Channel = unsafe {
        let memory = alloc(shape.layout());
        if memory.is_null() {
            return Err(OutOfMemory);
        }
        &*initialise(memory, shape, tables.next, owner)
    };
    tables.next += 1;
    tables.channels.get_or_insert_default().insert(channel.id, Live { channel, shape: *shape });
    Ok(channel)
}

/// Whether [`learn_names`] was called for the contract with this fingerprint.
pub fn knows_names(fingerprint: u64) -> bool {
    TABLES.lock().names.as_ref().is_some_and(|names| names.contains_key(&fingerprint))
}

/// Keeps the names of a contract, and of those it extends, for [`survey`].
pub fn learn_names(contract: &ContractInfo) {
    let mut tables = TABLES.lock();
    let names = tables.names.get_or_insert_default();
    names
        .entry(contract.shape.fingerprint)
        .or_insert_with(|| Names { contract: contract.name.clone(), states: contract.states.clone() });
    // Clients that speak a base have channels of the base.
    for base in &contract.bases {
        names.entry(base.shape.fingerprint).or_insert_with(|| {
            let states = contract.states.iter().take(usize::from(base.states)).chain(contract.states.last());
            Names { contract: base.name.clone(), states: states.cloned().collect() }
        });
    }
}

/// Places a channel's server end in a service: it joins the provider's clients when the client first sends.
///
/// # Safety
///
/// The end is unused, and the set is that of a running provider of the channel's contract.
pub unsafe fn place(end: &End, set: &Set) {
    end.tracked.owner.store(set.owner.load(Relaxed), Relaxed);
    end.key.store(NEW_MEMBER, Relaxed);
    end.notify.store(ptr::from_ref(set) as usize | NOTIFY_SET, Relaxed);
}

/// Closes an end: its peer receives every message that was sent before, then `Closed`. The second close frees the
/// channel, and gives up what undelivered messages carry; endpoints among that are closed in turn.
///
/// # Safety
///
/// The end is open, and nobody uses it any more.
pub unsafe fn close(end: &'static End) {
    // Ends to close, chained through their ledger links: closing must not allocate.
    let mut next: *const Tracked = &end.tracked;
    end.tracked.next.store(ptr::null_mut(), Relaxed);
    while !next.is_null() {
        // SAFETY: the chain holds the trackers of open ends, with which an `End` begins.
        let end: &'static End = unsafe { &*next.cast() };
        next = end.tracked.next.load(Relaxed);
        end.notify.store(0, Relaxed);
        // SAFETY: the end is open.
        let channel = unsafe { end.channel() };
        let side = channel.side_of(end);
        match channel.close(side) {
            // SAFETY: the peer's end is open: ours was the first to close.
            Closing::First => unsafe { notify_end(channel.end(side.peer())) },
            // SAFETY: both ends are closed now.
            Closing::Second => unsafe { next = bury(channel, next) },
        }
    }
}

/// Frees a channel whose ends are closed. Returns `chain` with the ends that it carried before it.
///
/// # Safety
///
/// Both ends are closed, and nobody uses the channel any more.
unsafe fn bury(channel: &'static Channel, chain: *const Tracked) -> *const Tracked {
    let mut chain = chain;
    // SAFETY: passed on to the caller.
    unsafe {
        channel.drain(|carried| match carried {
            Carried::Block(entry) => exchange::free(entry),
            Carried::End(end) => {
                end.tracked.next.store(chain.cast_mut(), Relaxed);
                chain = ptr::from_ref(end).cast();
            }
        });
    }
    let live = TABLES.lock().channels.get_or_insert_default().remove(&channel.id);
    let live = live.expect("a channel is listed until both ends are closed");
    // SAFETY: it was allocated with this layout, and nobody uses it any more.
    unsafe { dealloc(ptr::from_ref(channel).cast_mut().cast(), live.shape.layout()) };
    chain
}

/// A new, empty set.
pub fn create_set(owner: Owner) -> Result<&'static Set, OutOfMemory> {
    let mut tables = TABLES.lock();
    tables.sets.get_or_insert_default().try_reserve(1).map_err(|_| OutOfMemory)?;
    let layout = core::alloc::Layout::new::<Set>();
    // SAFETY: the layout is not empty; the memory is initialised before it is referred to.
    let set: &'static Set = unsafe {
        let memory = alloc(layout).cast::<Set>();
        if memory.is_null() {
            return Err(OutOfMemory);
        }
        memory.write(Set {
            id: tables.next,
            owner: owner.to_bits().into(),
            waiter: 0.into(),
            ready: ptr::null_mut::<End>().into(),
        });
        &*memory
    };
    tables.next += 1;
    tables.sets.get_or_insert_default().insert(set.id, set);
    Ok(set)
}

/// Frees a set. Clients that were connected to it and that its owner has not seen yet are closed.
///
/// # Safety
///
/// The set has no other members, and nobody uses it any more.
pub unsafe fn close_set(set: &'static Set) {
    let word = ptr::from_ref(set) as usize | NOTIFY_SET;
    close_all(|end| end.notify.load(Relaxed) == word && end.key.load(Relaxed) == NEW_MEMBER);
    TABLES.lock().sets.get_or_insert_default().remove(&set.id);
    // SAFETY: allocated by `create_set` with this layout.
    unsafe { dealloc(ptr::from_ref(set).cast_mut().cast(), core::alloc::Layout::new::<Set>()) };
}

/// Closes every open end that `which` picks.
fn close_all(which: impl Fn(&End) -> bool) {
    loop {
        let found = TABLES
            .lock()
            .channels
            .iter()
            .flatten()
            .flat_map(|(_, live)| &live.channel.ends)
            .find(|end| end.closed.load(Relaxed) == 0 && which(end));
        match found {
            // SAFETY: the end is open; its owner is gone or has never seen it.
            Some(end) => unsafe { close(end) },
            None => return,
        }
    }
}

/// Closes all ends and sets of an owner that is gone.
pub fn reclaim(owner: Owner) {
    close_all(|end| end.tracked.owner.load(Relaxed) == owner.to_bits());
    let owned = |set: &&&'static Set| set.owner.load(Relaxed) == owner.to_bits();
    loop {
        let found = TABLES.lock().sets.iter().flatten().map(|(_, set)| set).find(owned).copied();
        match found {
            // SAFETY: its owner is gone, and with it its members.
            Some(set) => unsafe { close_set(set) },
            None => return,
        }
    }
}

/// How many channels there are.
pub fn count() -> usize {
    TABLES.lock().channels.as_ref().map_or(0, HashMap::len)
}

/// What [`survey`] tells of a channel.
pub struct ChannelView<'a> {
    /// Its number.
    pub id: u64,
    /// Messages sent so far, both ways.
    pub messages: u64,
    /// The contract's name.
    pub contract: &'a str,
    /// The state that the last message leads to.
    pub state: &'a str,
    /// Who has the ends, the client's first; nobody if it is closed.
    pub owners: [Owner; 2],
}

/// Shows every channel, oldest first.
pub fn survey(mut each: impl FnMut(ChannelView<'_>)) {
    let tables = TABLES.lock();
    let mut channels: Vec<_> = tables.channels.iter().flatten().collect();
    channels.sort_unstable_by_key(|(id, _)| **id);
    for (id, live) in channels {
        let names = tables.names.as_ref().and_then(|names| names.get(&live.shape.fingerprint));
        let state = live.channel.state.load(Relaxed) as usize;
        let owner = |side| {
            let end = live.channel.end(side);
            match end.closed.load(Relaxed) {
                0 => Owner::from_bits(end.tracked.owner.load(Relaxed)),
                _ => Owner::NOBODY,
            }
        };
        each(ChannelView {
            id: *id,
            messages: live.channel.messages(),
            contract: names.map_or("?", |names| &names.contract),
            // The server of an extension has another number for `End`, greater than all states of the base.
            state: names
                .and_then(|names| names.states.get(state).or(names.states.last()))
                .map_or("?", |state| state),
            owners: [owner(Side::Client), owner(Side::Server)],
        });
    }
}
