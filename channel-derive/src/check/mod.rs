//! The rules of the contract language, on the model alone.

use crate::model::{END, MessageId, Move, Protocol, START, Side, StateId};
use crate::names::{self, Unusable};

/// A rule that a contract breaks, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The start state is `End`.
    StartsAtTheEnd,
    /// No message leaves the start state.
    UnknownStart,
    /// A message is sent in `End`.
    EndSpeaks { step: Move },
    /// A state cannot be a type's name.
    StateIsNoTypeName { state: StateId },
    /// Two generated types would have the same name.
    NameTaken { state: StateId, name: String, by: Taker },
    /// A message cannot be a method.
    MessageIsNoMethod { message: MessageId, method: String, why: Unusable },
    /// A message leaves one state twice.
    LabelRepeated { first: Move, second: Move },
    /// Two messages of one side would be the same method.
    SameMethod { first: MessageId, second: MessageId, method: String },
    /// In this state both sides may send.
    MixedChoice { client: Move, server: Move },
    /// No run of messages leads to these states.
    Unreachable { states: Vec<StateId> },
    /// Nothing can happen in a state that is not `End`.
    DeadEnd { state: StateId, into: Vec<Move> },
    /// A message with a window leads to another state.
    StreamMovesOn { step: Move },
    /// A cycle in which one side never speaks, and which is no stream.
    OneSidedCycle { speaker: Side, cycle: Vec<Move> },
}

/// What else bears the name of a state's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// A side's endpoints.
    Endpoints(Side),
    /// What a side receives in a state.
    Received(Side, StateId),
    /// A message's fields.
    Body(MessageId),
}

/// Whether code can be written for a contract that breaks this rule, to spare the user errors that only follow.
pub(crate) fn can_expand(trouble: &Trouble) -> bool {
    matches!(
        trouble,
        Trouble::MixedChoice { .. }
            | Trouble::Unreachable { .. }
            | Trouble::DeadEnd { .. }
            | Trouble::StreamMovesOn { .. }
            | Trouble::OneSidedCycle { .. }
    )
}

/// Every rule that the contract breaks, in the order in which they are best mended.
pub(crate) fn check(protocol: &Protocol) -> Vec<Trouble> {
    let mut found = Vec::new();
    if protocol.states[START].text == END {
        return vec![Trouble::StartsAtTheEnd];
    }
    if protocol.leaving(START).next().is_none() {
        found.push(Trouble::UnknownStart);
    }
    found.extend(protocol.leaving(protocol.end()).map(|step| Trouble::EndSpeaks { step }));
    state_names(protocol, &mut found);
    methods(protocol, &mut found);
    repeated_labels(protocol, &mut found);
    mixed_choices(protocol, &mut found);
    dead_ends(protocol, &mut found);
    if !found.contains(&Trouble::UnknownStart) {
        unreachable(protocol, &mut found);
    }
    found.extend(
        protocol
            .moves()
            .filter(|step| protocol.messages[step.message].window.is_some() && !protocol.streams(*step))
            .map(|step| Trouble::StreamMovesOn { step }),
    );
    for speaker in [Side::Client, Side::Server] {
        found.extend(one_sided_cycle(protocol, speaker));
    }
    found
}

fn state_names(protocol: &Protocol, found: &mut Vec<Trouble>) {
    let states = 0..protocol.end();
    let mut taken: Vec<(String, Taker)> = Vec::new();
    for side in [Side::Client, Side::Server] {
        taken.push((names::endpoint(side).to_owned(), Taker::Endpoints(side)));
        for state in states.clone().filter(|state| protocol.speaks(side.peer(), *state)) {
            taken.push((names::received(side, &protocol.states[state].text), Taker::Received(side, state)));
        }
    }
    for (number, message) in protocol.messages.iter().enumerate() {
        taken.push((names::body(&message.name), Taker::Body(number)));
    }
    for state in states {
        let text = &protocol.states[state].text;
        if !text.starts_with(char::is_uppercase) || names::unusable_name(text).is_some() {
            found.push(Trouble::StateIsNoTypeName { state });
        } else if let Some((name, by)) = taken.iter().find(|(name, _)| name == text) {
            found.push(Trouble::NameTaken { state, name: name.clone(), by: by.clone() });
        }
    }
}

fn methods(protocol: &Protocol, found: &mut Vec<Trouble>) {
    // Each message's method, and for a stream the one that does not wait as well.
    let mut methods: Vec<(MessageId, String)> = Vec::new();
    for (message, spoken) in protocol.messages.iter().enumerate() {
        let method = names::snake_case(&spoken.name);
        if let Some(why) = names::unusable_method(&method) {
            found.push(Trouble::MessageIsNoMethod { message, method: method.clone(), why });
        }
        let trying = spoken.window.map(|_| names::trying(&method));
        for method in [Some(method), trying].into_iter().flatten() {
            let same = |(earlier, other): &&(MessageId, String)| {
                *other == method && protocol.messages[*earlier].sender == spoken.sender
            };
            match methods.iter().find(same) {
                Some((first, _)) => {
                    found.push(Trouble::SameMethod { first: *first, second: message, method });
                    // Two streams of one name have both methods in common; once is enough.
                    break;
                }
                None => methods.push((message, method)),
            }
        }
    }
}

fn repeated_labels(protocol: &Protocol, found: &mut Vec<Trouble>) {
    let moves: Vec<Move> = protocol.moves().collect();
    for (i, second) in moves.iter().enumerate() {
        let same = |first: &&Move| first.message == second.message && first.from == second.from;
        if let Some(first) = moves[..i].iter().find(same) {
            found.push(Trouble::LabelRepeated { first: *first, second: *second });
        }
    }
}

fn mixed_choices(protocol: &Protocol, found: &mut Vec<Trouble>) {
    for state in 0..protocol.end() {
        let by = |side| protocol.leaving(state).find(|step| protocol.sender(*step) == side);
        if let (Some(client), Some(server)) = (by(Side::Client), by(Side::Server)) {
            found.push(Trouble::MixedChoice { client, server });
        }
    }
}

fn dead_ends(protocol: &Protocol, found: &mut Vec<Trouble>) {
    for state in 1..protocol.end() {
        if protocol.leaving(state).next().is_none() {
            let into = protocol.moves().filter(|step| step.to == state).collect();
            found.push(Trouble::DeadEnd { state, into });
        }
    }
}

fn unreachable(protocol: &Protocol, found: &mut Vec<Trouble>) {
    let reached = |state: &StateId| protocol.run(START, *state, |_| true).is_some();
    let states: Vec<StateId> = (1..protocol.end())
        .filter(|state| protocol.leaving(*state).next().is_some())
        .filter(|state| !reached(state))
        .collect();
    if !states.is_empty() {
        found.push(Trouble::Unreachable { states });
    }
}

/// The shortest cycle of one side's messages. A stream is the exception: its window bounds what is in flight.
fn one_sided_cycle(protocol: &Protocol, speaker: Side) -> Option<Trouble> {
    (0..protocol.end())
        .filter_map(|state| {
            protocol.run(state, state, |step| protocol.sender(step) == speaker && !protocol.streams(step))
        })
        .min_by_key(Vec::len)
        .map(|cycle| Trouble::OneSidedCycle { speaker, cycle })
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;
