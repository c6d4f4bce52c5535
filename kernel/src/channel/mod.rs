//! The channels and sets of the running system: their birth, their end, and a list of them.
//!
//! A channel lies in a heap like that of blocks, so that the ends that a SIP had are found by its account's marks; a set
//! never changes hands, and is found by its holder's list.

mod sets;
mod views;

use core::ops::ControlFlow;
use core::ptr;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{
    BlockEntry, CLOSED, Channel, End, IN_DOMAIN, Label, NEW_MEMBER, NOTIFY_SET, Owner, Set, Tracked,
};
use contracts::binding::notify_end;
use contracts::channel::{Carried, Closing, Shape, initialise, initialise_zeroed};
use contracts::sabotage::{Bug, planted};
pub use sets::{Sets, close_set, create_set};
#[cfg(feature = "campaign")]
pub(crate) use views::name_bytes;
pub use views::{ChannelView, EndView, contract_of, learn_names, learn_service_names, survey, survey_of};

use crate::account::{self, Account};
use crate::exchange::{self, CHANNEL_MEMORY};
use crate::memory::PAGE_SIZE;

/// Why there is no new channel or set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateError {
    /// The limit of whom it counts against does not allow it.
    OverLimit,
    /// Memory is exhausted, or a channel of this shape would be larger than any may be.
    OutOfMemory,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A number that no channel and no set has had.
fn next_id() -> u64 {
    NEXT_ID.fetch_add(1, Relaxed)
}

/// A new channel, which counts against `payer`, and whose ends belong to `holder`.
pub fn create(
    shape: &Shape,
    holder: &'static Account,
    payer: &'static Account,
) -> Result<&'static Channel, CreateError> {
    create_in_steps(shape, holder, payer, || {})
}

/// As [`create`]. A large one takes shape in steps, between which `pause` is called. From the first on it is a channel, at
/// which nobody is yet, so that its holder may end at any of them.
pub fn create_in_steps(
    shape: &Shape,
    holder: &'static Account,
    payer: &'static Account,
    mut pause: impl FnMut(),
) -> Result<&'static Channel, CreateError> {
    // The shape is a manifest's word: no contract that was compiled is too large.
    let plan = shape.plan().ok_or(CreateError::OutOfMemory)?;
    let layout = plan.layout();
    payer.charge_channel().map_err(|account::OverLimit| CreateError::OverLimit)?;
    let exhausted = |exchange::OutOfMemory| {
        payer.discharge_channel();
        CreateError::OutOfMemory
    };
    let entry = CHANNEL_MEMORY
        .with(|heap| heap.allocate(layout.size(), layout.align(), holder.shared()))
        .map_err(exhausted)?;
    entry.account.store(ptr::from_ref(payer.shared()).cast_mut(), Relaxed);
    let (address, mark) = (entry.address.load(Relaxed) as *mut u8, entry.tracked.mark.load(Relaxed));
    let (plan, id, owner) = ((shape, &plan), next_id(), holder.owner());
    let has_pages = entry.capacity.load(Relaxed) >= PAGE_SIZE;
    // SAFETY: whole pages are fresh, and full of zeros, and the rest of them is mapped below; other memory has room for all
    // of the plan.
    let channel = unsafe {
        &*match has_pages {
            true => initialise_zeroed(address, plan, id, owner, mark),
            false => initialise(address, plan, id, owner, mark),
        }
    };
    channel.memory.store(ptr::from_ref(entry).cast_mut(), Relaxed);
    while entry.capacity.load(Relaxed) < layout.size() {
        pause();
        if let Err(error) = CHANNEL_MEMORY.with(|heap| heap.grow(entry)) {
            CHANNEL_MEMORY.with(|heap| heap.free(entry));
            return Err(exhausted(error));
        }
    }
    Ok(channel)
}

/// The channel whose memory this is.
///
/// # Safety
///
/// The entry is one of [`CHANNEL_MEMORY`], and allocated.
unsafe fn channel_in(entry: &BlockEntry) -> &'static Channel {
    // SAFETY: a channel is initialised right after its memory is allocated, and lives as long.
    unsafe { &*(entry.address.load(Relaxed) as *const Channel) }
}

/// Places a channel's server end in a service: it joins the provider's clients when the client first sends.
///
/// # Safety
///
/// The end is unused, and the set is that of a running provider of the channel's contract.
pub unsafe fn place(end: &End, set: &Set) {
    // SAFETY: the provider runs, and so its sets and its account are good.
    let provider = unsafe { sets::holder(set) };
    if !planted(Bug::UnmarkedClient) {
        provider.shared().marks[end.tracked.mark.load(Relaxed) as usize].store(1, Relaxed);
    }
    end.tracked.owner.store(provider.owner().to_bits(), Relaxed);
    if provider.is_in_domain() {
        end.closed.store(IN_DOMAIN, Relaxed);
        // SAFETY: the channel is fresh.
        unsafe { forget_messages(end) };
    }
    end.key.store(NEW_MEMBER, Relaxed);
    end.notify.store(ptr::from_ref(set) as usize | NOTIFY_SET, Relaxed);
}

/// Zeroes what earlier messages to an end, or whoever had its channel's memory before, have left in its slots: a domain that
/// gets the end sees slots as they are.
///
/// # Safety
///
/// The end is open, nothing is in flight to it, and nobody sends to it meanwhile.
pub unsafe fn forget_messages(end: &End) {
    // SAFETY: passed on to the caller.
    let channel = unsafe { end.channel() };
    let ring = &channel.rings[channel.side_of(end) as usize];
    for count in 0..=u64::from(ring.mask) {
        // SAFETY: the slot is free, and its label lies behind what is written.
        unsafe { ring.slot(channel, count).write_bytes(0, ring.stride as usize - size_of::<Label>()) };
    }
}

/// Closes an end: its peer receives every message that was sent before, then `Closed`. What messages to the closed end carry
/// is given up, and endpoints among that are closed in turn: nobody will receive them. The second close gives up the rest,
/// and frees the channel.
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
            // SAFETY: the peer's end is open: ours was the first to close. Nobody receives on it any more.
            Closing::First => unsafe {
                channel.drain_towards(side, |carried| give_up(carried, &mut next));
                if planted(Bug::DroppedLast) {
                    let to = side.peer() as usize;
                    channel.drain_towards(side.peer(), |carried| give_up(carried, &mut next));
                    channel.tails[to].count.store(channel.heads[to].count.load(Relaxed), Relaxed);
                }
                if !planted(Bug::SilentClose) {
                    notify_end(channel.end(side.peer()));
                }
            },
            // SAFETY: both ends are closed now.
            Closing::Second => unsafe { bury(channel, &mut next) },
        }
    }
}

/// Gives up what an undelivered message carries: frees a block, puts an end before the `chain` of those to close.
fn give_up(carried: Carried<'_>, chain: &mut *const Tracked) {
    match carried {
        _ if planted(Bug::Undrained) => {}
        Carried::End(_) if planted(Bug::UnclosedGift) => {}
        Carried::Block(entry) => exchange::free(entry, || {}),
        Carried::End(end) => {
            end.tracked.next.store(chain.cast_mut(), Relaxed);
            *chain = ptr::from_ref(end).cast();
        }
    }
}

/// Frees a channel whose ends are closed, and puts the ends that it carried before `chain`.
///
/// # Safety
///
/// Both ends are closed, and nobody uses the channel any more.
unsafe fn bury(channel: &'static Channel, chain: &mut *const Tracked) {
    // SAFETY: passed on to the caller.
    unsafe {
        channel.drain(|carried| give_up(carried, chain));
        let entry = &*channel.memory.load(Relaxed);
        let payer = entry.account.load(Relaxed);
        CHANNEL_MEMORY.with(|heap| heap.free(entry));
        // The channel counted against this account until now.
        if !planted(Bug::Uncounted) {
            Account::of(payer).discharge_channel();
        }
    }
}

/// Closes all open ends for which `which` holds, among the channels of which `holder` has had an end. Between two
/// channels it calls `pause`.
fn close_all(holder: &Account, which: impl Fn(&End) -> bool, mut pause: impl FnMut()) {
    let is_to_close = |end: &End| end.closed.load(Relaxed) & CLOSED == 0 && which(end);
    // SAFETY: the entry is of allocated memory when it is looked at.
    let has_one = |entry: &_| unsafe { channel_in(entry) }.ends.iter().any(is_to_close);
    let _ = CHANNEL_MEMORY.for_marked(holder.shared(), has_one, |entry| {
        // SAFETY: the entry was just found to be of allocated memory.
        let channel = unsafe { channel_in(entry) };
        for side in [Side::Client, Side::Server] {
            let end = channel.end(side);
            if !is_to_close(end) {
                continue;
            }
            let last = channel.is_closed(side.peer());
            // SAFETY: the end is open; its owner is gone or has never seen it.
            unsafe { close(end) };
            if last {
                // That freed the channel.
                break;
            }
        }
        pause();
        ControlFlow::Continue(())
    });
}

/// Closes all ends and sets of an account whose SIP is gone. Between two ends it calls `pause`.
pub fn reclaim(holder: &'static Account, pause: impl FnMut()) {
    let owner = holder.owner().to_bits();
    close_all(holder, |end| end.tracked.owner.load(Relaxed) == owner, pause);
    sets::reclaim(holder);
}

/// Shows who has the other ends of the channels of which `holder` has one.
pub fn for_peers(holder: &Account, mut each: impl FnMut(Owner)) {
    let its = |end: &End| end.closed.load(Relaxed) & CLOSED == 0 && owner(end) == holder.owner();
    // SAFETY: the entry is of allocated memory when it is looked at, and nothing is freed meanwhile.
    let channel = |entry: &_| unsafe { channel_in(entry) };
    let has_one = |entry: &_| channel(entry).ends.iter().any(its);
    let _ = CHANNEL_MEMORY.for_marked(holder.shared(), has_one, |entry| {
        let [client, server] = &channel(entry).ends;
        each(owner(if its(client) { server } else { client }));
        ControlFlow::Continue(())
    });
}

fn owner(end: &End) -> Owner {
    Owner::from_bits(end.tracked.owner.load(Relaxed))
}

/// How many channels there are.
pub fn count() -> usize {
    CHANNEL_MEMORY.with(|heap| heap.totals().blocks)
}

/// Bytes of pages that channels take, with their part of the ledger.
pub fn memory() -> usize {
    CHANNEL_MEMORY.with(|heap| heap.totals().pages) * PAGE_SIZE
}
