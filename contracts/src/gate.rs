//! The gate: how messages travel when one end of a channel is in a domain.
//!
//! **Towards a domain.** The kernel marks an end that a domain has ([`IN_DOMAIN`](crate::abi::IN_DOMAIN)). Who sends to it writes the message into its
//! slot as ever, unless the message holds what a domain must not see, padding and addresses; that is
//! [scrubbed](crate::form::scrub) in the slot. A message of integers holds nothing of the kind, and is not even looked at.
//!
//! **From a domain.** The kernel marks each message ([`UNCHECKED`]), which is then none of those of an
//! endpoint's state: so whoever receives it comes to `accept`, which checks it in its slot, fills in its blocks and
//! endpoints, and gives it its number. What a SIP receives from another is not even looked at. A message that
//! breaks the contract closes the channel, and the kernel is told.
//!
//! **In a domain** there are no ends, sets or blocks of the kernel's. What stands for them is a *shadow*: of the same build, in
//! memory that the kernel and the domain have in common, with a handle for a number ([`SHADOW`]). Sending and receiving
//! work on it as on any channel, until they come to where another side would have to act: a shadow's peer must be woken
//! (`reached`), nothing has come (`beyond`), or somebody waits. There the kernel is called, and moves what is in the
//! shadow's ring to the channel's, or the other way round. So the text of a program is the same in either place.
//!
//! **One call for a message.** Who has sent waits next, as a rule. So what is sent is only noted
//! ([`Core::unsent`](crate::abi::Core::unsent)), and the kernel sees to it at the next call, or when the domain is preempted or
//! ends. A wait on a set brings the messages of its members along, and the kernel keeps an end in the set that it was
//! in: joining it again is no call.

use core::sync::atomic::Ordering::Relaxed;

#[cfg(not(loom))]
use crate::abi::Set;
use crate::abi::{BEYOND, Channel, End, Label, NOTIFY_SET, SHADOW, Tracked, UNCHECKED};
use crate::binding;
use crate::endpoint::{Closed, Contract, Expected, Side};
use crate::form::{self, Fault, Forms};

/// The handle of a shadow, by its number; none for what is the thing itself.
#[inline]
pub(crate) fn handle(id: u64) -> Option<u64> {
    (id & SHADOW != 0).then_some(id & !SHADOW)
}

/// What becomes of a look at a ring in which nothing is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Beyond {
    /// There is a message now.
    Message,
    /// There is none.
    Nothing,
    /// There is none, and will be none.
    Closed,
}

/// Looks beyond a ring in which nothing is, of a channel whose peer has closed or is in a domain. If it is a shadow, and who
/// looks `waits` next, this is the wait.
#[cold]
#[inline(never)]
pub(crate) fn beyond(channel: &Channel, side: Side, waits: bool) -> Beyond {
    if let Some(handle) = handle(channel.id) {
        binding::gate_wait(handle, if waits { u64::MAX } else { 0 });
    }
    if channel.in_flight(side) > 0 {
        return Beyond::Message;
    }
    if channel.is_closed(side.peer()) { Beyond::Closed } else { Beyond::Nothing }
}

/// As [`beyond`]: whether a receive would bring a message or `Closed`. Of a shadow that joins a set the answer is yes, unless the
/// kernel has it in this set: then the kernel is asked next.
#[cold]
#[inline(never)]
pub(crate) fn has_news(channel: &Channel, side: Side) -> bool {
    let end = channel.end(side);
    let joins = end.notify.load(Relaxed);
    if handle(channel.id).is_none() || joins & NOTIFY_SET == 0 {
        ask(channel);
    } else if channel.memory.load(Relaxed) as usize | NOTIFY_SET != joins {
        end.ready.store(BEYOND, Relaxed);
        return true;
    }
    channel.in_flight(side) > 0 || channel.is_closed(side.peer())
}

/// Has the kernel put into a shadow what has come.
fn ask(channel: &Channel) {
    if let Some(handle) = handle(channel.id) {
        binding::gate_wait(handle, 0);
    }
}

/// Has the kernel tell a shadow how much its peer has received. False if it is none.
#[cold]
#[inline(never)]
pub(crate) fn asks_for_credit(channel: &Channel) -> bool {
    ask(channel);
    handle(channel.id).is_some()
}

/// Whether there is room by now for a message that a shadow has had no room for: what it carries is there then.
///
/// # Safety
///
/// The label is that of the message at the head of the caller's ring.
#[cold]
#[inline(never)]
pub(crate) unsafe fn finds_room(channel: &Channel, label: &Label) -> bool {
    ask(channel);
    // SAFETY: passed on to the caller.
    handle(channel.id).is_some() && unsafe { binding::has_room_for(label.chain()) }
}

/// Whether the peer has closed, as the kernel knows it.
#[cold]
#[inline(never)]
pub(crate) fn peer_has_closed(channel: &Channel, side: Side) -> bool {
    ask(channel);
    channel.is_closed(side.peer())
}

/// Acts on an end of a shadow that was to be listed in a set: a message was sent to it, or it joins the set.
#[cfg(not(loom))]
#[cold]
#[inline(never)]
pub(crate) fn reached(set: &Set, end: &End) {
    // SAFETY: the end, or its peer, is the caller's and open.
    let channel = unsafe { end.channel() };
    let end = channel.id & !SHADOW;
    match set.id & !SHADOW {
        0 => binding::post(end),
        set => binding::gate_join(set, end),
    }
}

/// Removes from a message in its slot what a domain must not see. Returns its chain in the order of its body.
///
/// # Safety
///
/// The slot holds message `number` of `C`, whose chain this is, in the reverse order; nobody else uses them.
#[cold]
#[inline(never)]
pub(crate) unsafe fn scrub(
    forms: Forms,
    number: u16,
    slot: *mut u8,
    chain: *const Tracked,
) -> *const Tracked {
    if let Some((_, program)) = forms.message(number) {
        // SAFETY: passed on to the caller.
        unsafe { form::scrub(program, slot) };
    }
    let mut ordered: *const Tracked = core::ptr::null();
    let mut next = chain;
    // SAFETY: the links of a chain lead to ledger entries and ends, which are there.
    while let Some(tracked) = unsafe { next.as_ref() } {
        let here = next;
        next = tracked.next.load(Relaxed);
        tracked.next.store(ordered.cast_mut(), Relaxed);
        ordered = here;
    }
    ordered
}

/// Checks the message at the head of a ring, which a domain sent, fills in what it carries, and gives it its number.
/// `expected` is what may come; `check` is asked at last.
///
/// # Errors
/// [`Closed`] if it breaks the contract, of which the kernel was told. The caller closes the end.
///
/// # Safety
///
/// The end is the caller's, of `side`, and of a channel of `C`; the message is at the head, and marked as unchecked. `check` is
/// that of the messages in `expected`.
pub(crate) unsafe fn accept<C: Contract>(
    end: &'static End,
    side: Side,
    expected: &[Expected],
    check: unsafe fn(u16, *const u8) -> bool,
) -> Result<u16, Closed> {
    // SAFETY: passed on to the caller.
    unsafe { examine::<C>(end, side, expected, check) }.map_err(|what| {
        binding::violation(end, what);
        Closed
    })
}

/// # Safety
///
/// As [`accept`].
unsafe fn examine<C: Contract>(
    end: &'static End,
    side: Side,
    expected: &[Expected],
    check: unsafe fn(u16, *const u8) -> bool,
) -> Result<u16, u32> {
    // SAFETY: the end is open.
    let channel = unsafe { end.channel() };
    let ring = &channel.rings[side as usize];
    let slot = ring.slot(channel, channel.tails[side as usize].count.load(Relaxed));
    // SAFETY: the slot holds a message.
    let label = unsafe { &*ring.label(slot) };
    let number = label.message() & !UNCHECKED;
    let known = expected.iter().find(|known| known.number == number && known.fits(ring));
    let next = known.ok_or(Breach::NotNow.number())?.next;
    if !is_next::<C>(channel, side, next) {
        return Err(Breach::OtherState.number());
    }
    // SAFETY: the slot is the receiver's until it advances the tail, and has room for the body; the chain is the kernel's.
    unsafe { adopt((slot, label.chain()), number, C::FORMS, check)? };
    label.write(number, label.chain());
    Ok(number)
}

/// Whether the sender says the truth of the state that follows its message, which is the one to be received on the end of
/// `side`. It does when nothing else is on its way, for whoever is given one of the ends then. After the end of a session
/// nobody is given any, and a base and its extension have different numbers for it. A shadow does not tell what is on its way, and
/// nobody goes by what a domain finds.
#[inline]
pub(crate) fn is_next<C: Contract>(channel: &Channel, side: Side, next: u16) -> bool {
    let last = const { C::DESCRIPTION.states.len() as u16 - 1 };
    channel.state.load(Relaxed) == u32::from(next)
        || next == last
        || channel.in_flight(side) != 1
        || handle(channel.id).is_some()
}

/// # Safety
///
/// As [`accept`], of this slot and chain.
#[inline(never)]
unsafe fn adopt(
    (slot, chain): (*mut u8, *const Tracked),
    number: u16,
    forms: Forms,
    check: unsafe fn(u16, *const u8) -> bool,
) -> Result<(), u32> {
    let program = forms.message(number).ok_or(Breach::NotNow.number())?.1;
    // SAFETY: passed on to the caller.
    unsafe { form::adopt(program, slot, chain) }.map_err(Fault::number)?;
    // SAFETY: the slot holds a value of this message's type now.
    if unsafe { check(number, slot) } { Ok(()) } else { Err(Breach::Refused.number()) }
}

/// What is wrong with a message as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breach {
    /// It does not come in this state, or is none.
    NotNow,
    /// The sender says that another state follows than the contract does.
    OtherState,
    /// A check of one of its types does not take it.
    Refused,
}

impl Breach {
    /// As the kernel is told: beyond those of [`Fault`].
    const fn number(self) -> u32 {
        0x100 + self as u32
    }
}

/// What the number of a violation says, for the record.
pub fn words(what: u32) -> &'static str {
    const BREACHES: [(Breach, &str); 3] = [
        (Breach::NotNow, "no such message comes in this state"),
        (Breach::OtherState, "another state follows than the sender says"),
        (Breach::Refused, "a check of one of its types refuses it"),
    ];
    let breach = BREACHES.iter().find(|(breach, _)| breach.number() == what).map(|(_, words)| *words);
    breach.or_else(|| Fault::of(what).map(Fault::description)).unwrap_or("a message is none")
}
