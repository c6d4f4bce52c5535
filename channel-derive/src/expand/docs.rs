//! Documentation of the generated items.

use picture::{Arrow, Diagram, Sender};
use syn::Ident;

use crate::model::{Move, Protocol, START, Side, StateId};

/// The contract as it is drawn.
fn diagram(protocol: &Protocol) -> Diagram {
    let arrows = protocol.moves().map(|step| Arrow {
        from: step.from,
        to: step.to,
        label: message(protocol, step).to_owned(),
        sender: match protocol.sender(step) {
            Side::Client => Sender::Client,
            Side::Server => Sender::Server,
        },
    });
    Diagram {
        title: protocol.name.clone(),
        states: protocol.states.iter().map(|state| state.text.clone()).collect(),
        arrows: arrows.collect(),
    }
}

/// The module: a picture, and a table of the states.
pub(super) fn module(protocol: &Protocol, contract: &Ident) -> String {
    let picture = diagram(protocol).svg();
    let mut text = format!(
        "\n\nStates, endpoints and messages of [`{contract}`](super::{contract}).\n\n<div>{picture}</div>\n\n\
         | state | speaker | messages |\n|---|---|---|\n"
    );
    for state in 0..protocol.end() {
        let start = if state == START { " (start)" } else { "" };
        let speaker = speaker(protocol, state);
        let moves: Vec<String> = protocol
            .leaving(state)
            .map(|step| {
                let message = &protocol.messages[step.message];
                let window = message.window.map(|window| format!(" (window {window})")).unwrap_or_default();
                format!("`{}`{window} → {}", message.name, link(protocol, step.to))
            })
            .collect();
        text += &format!("| {}{start} | {speaker} | {} |\n", link(protocol, state), moves.join("<br>"));
    }
    text
}

fn speaker(protocol: &Protocol, state: StateId) -> String {
    protocol.leaving(state).next().map(|step| protocol.sender(step).to_string()).unwrap_or_default()
}

/// A link to a state's type; `End` has none.
fn link(protocol: &Protocol, state: StateId) -> String {
    let name = &protocol.states[state].text;
    if state == protocol.end() { format!("`{name}`") } else { format!("[`{name}`](enum@{name})") }
}

fn message(protocol: &Protocol, step: Move) -> &str {
    &protocol.messages[step.message].name
}

/// A state's type.
pub(super) fn state(protocol: &Protocol, state: StateId) -> String {
    let moves: Vec<String> = protocol
        .leaving(state)
        .map(|step| format!("`{}` (then {})", message(protocol, step), link(protocol, step.to)))
        .collect();
    format!("The state in which the {} sends {}.", speaker(protocol, state), moves.join(" or "))
}

/// A side's endpoint type.
pub(super) fn endpoint(contract: &Ident, side: Side) -> String {
    format!(
        "The {side}'s end of a [`{contract}`](super::{contract}) channel in state `S`. Dropping it closes the channel."
    )
}

/// The method that sends a message.
pub(super) fn step(protocol: &Protocol, step: Move) -> String {
    let after = if step.to == protocol.end() {
        "which ends the session and closes this end".to_owned()
    } else {
        format!("then {}", link(protocol, step.to))
    };
    format!(
        "\n\nSends `{}` in state {}, {after}. It never blocks and never fails.",
        message(protocol, step),
        link(protocol, step.from)
    )
}

/// The methods that send a stream's message: the one that waits, and the one that does not.
pub(super) fn stream(protocol: &Protocol, step: Move, window: u32, method: &Ident) -> [String; 2] {
    let (name, state, peer) =
        (message(protocol, step), link(protocol, step.from), protocol.sender(step).peer());
    let trying = format!("try_{}", crate::parse::plain(method));
    [
        format!(
            "\n\nSends `{name}` in state {state}, which it leaves as it is. While {window} messages are in flight to the \
             {peer} it waits; [`{trying}`](Self::{trying}) does not.\n\n# Errors\n\n\
             [`SendError`](::contracts::SendError), with the message, if the {peer} is gone and that many are in flight."
        ),
        format!(
            "\n\nAs [`{method}`](Self::{method}), without waiting.\n\n# Errors\n\n\
             [`Full`](::contracts::TrySendError::Full), with endpoint and message, if {window} messages are in flight; \
             [`Closed`](::contracts::TrySendError::Closed) if also the {peer} is gone."
        ),
    ]
}

/// What a side receives in a state.
pub(super) fn received(protocol: &Protocol, side: Side, state: StateId) -> String {
    format!("What the {side} receives in state {}.", link(protocol, state))
}

/// A received message.
pub(super) fn variant(protocol: &Protocol, step: Move) -> String {
    if step.to == protocol.end() {
        "\n\nThe session is over.".to_owned()
    } else {
        format!("\n\nThen {}.", link(protocol, step.to))
    }
}

/// The endpoint in a received message.
pub(super) fn next(protocol: &Protocol, step: Move) -> String {
    format!("The endpoint, now in state {}.", link(protocol, step.to))
}

/// The method that receives.
pub(super) fn receive(protocol: &Protocol, state: StateId) -> String {
    let messages: Vec<String> =
        protocol.leaving(state).map(|step| format!("`{}`", message(protocol, step))).collect();
    format!("Waits for the {}'s next message: {}.", speaker(protocol, state), messages.join(" or "))
}
