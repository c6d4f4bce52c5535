//! What people want to know of channels.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::ControlFlow;
use core::sync::atomic::Ordering::Relaxed;

use contracts::Side;
use contracts::abi::{Channel, ChannelRequest, Owner};
use contracts::manifest::ContractInfo;
use contracts::sabotage::{Bug, planted};
use hashbrown::HashMap;
use spin::Mutex;

use super::channel_in;
use crate::account::Account;
use crate::exchange::CHANNEL_MEMORY;

/// What people want to know of a contract; taken from the first image that uses it.
struct Names {
    contract: String,
    states: Vec<String>,
}

static NAMES: Mutex<Option<HashMap<u64, Names>>> = Mutex::new(None);

/// Keeps the names of a contract that a SIP makes a channel of, for [`survey`].
pub fn learn_names(request: &ChannelRequest) {
    NAMES.lock().get_or_insert_default().entry(request.shape.fingerprint).or_insert_with(|| Names {
        contract: request.contract.into(),
        states: request.states.iter().map(|state| state.name.into()).collect(),
    });
}

/// Keeps the names of a service's contract, and of those it extends, for [`survey`].
pub fn learn_service_names(contract: &ContractInfo) {
    let mut names = NAMES.lock();
    let names = names.get_or_insert_default();
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

/// Bytes of the names that were learnt. They are kept for good.
#[cfg(feature = "campaign")]
pub(crate) fn name_bytes() -> usize {
    NAMES.lock().as_ref().map_or(0, |names| {
        let of = |names: &Names| {
            let states: usize = names.states.iter().map(String::capacity).sum();
            names.contract.capacity() + names.states.capacity() * size_of::<String>() + states
        };
        names.allocation_size() + names.values().map(of).sum::<usize>()
    })
}

/// The names of a channel's contract and of the state that its last message leads to.
fn names_of<'a>(names: Option<&'a HashMap<u64, Names>>, channel: &Channel) -> (&'a str, &'a str) {
    let Some(names) = names.and_then(|names| names.get(&channel.fingerprint)) else { return ("?", "?") };
    let state = if planted(Bug::WrongState) { 0 } else { channel.state.load(Relaxed) as usize };
    // The server of an extension has another number for `End`, greater than all states of the base.
    let state = names.states.get(state).or(names.states.last());
    (&names.contract, state.map_or("?", |state| state))
}

/// The name of a channel's contract.
pub fn contract_of(channel: &Channel) -> String {
    String::from(names_of(NAMES.lock().as_ref(), channel).0)
}

/// Who has the end of one side; nobody if it is closed.
fn holder(channel: &Channel, side: Side) -> Owner {
    let end = channel.end(side);
    match channel.is_closed(side) {
        false => Owner::from_bits(end.tracked.owner.load(Relaxed)),
        true => Owner::NOBODY,
    }
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
    let names = NAMES.lock();
    // SAFETY: the entries are of allocated memory, and nothing is freed meanwhile.
    let mut channels: Vec<&Channel> =
        CHANNEL_MEMORY.with(|heap| heap.blocks().map(|entry| unsafe { channel_in(entry) }).collect());
    channels.sort_unstable_by_key(|channel| channel.id);
    for channel in channels {
        let (contract, state) = names_of(names.as_ref(), channel);
        each(ChannelView {
            id: channel.id,
            messages: channel.messages(),
            contract,
            state,
            owners: [holder(channel, Side::Client), holder(channel, Side::Server)],
        });
    }
}

/// What [`survey_of`] tells of an end.
pub struct EndView<'a> {
    /// The channel's number.
    pub id: u64,
    /// Which of its ends it is.
    pub side: Side,
    /// The contract's name.
    pub contract: &'a str,
    /// The state that the last message leads to.
    pub state: &'a str,
}

const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// Shows every end that an account's SIP has.
pub fn survey_of(account: &Account, mut each: impl FnMut(EndView<'_>)) {
    let names = NAMES.lock();
    // SAFETY: the entry is of allocated memory when it is looked at, and nothing is freed meanwhile.
    let channel = |entry: &_| unsafe { channel_in(entry) };
    let is_its = |channel: &Channel, side| holder(channel, side) == account.owner();
    let has_one = |entry: &_| SIDES.iter().any(|side| is_its(channel(entry), *side));
    let _ = CHANNEL_MEMORY.for_marked(account.shared(), has_one, |entry| {
        let channel = channel(entry);
        for side in SIDES.into_iter().filter(|side| is_its(channel, *side)) {
            let (contract, state) = names_of(names.as_ref(), channel);
            each(EndView { id: channel.id, side, contract, state });
        }
        ControlFlow::Continue(())
    });
}
