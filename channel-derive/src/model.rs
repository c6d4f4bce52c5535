//! A contract as names and numbers: what `check` and `depth` reason about. No tokens, no spans.

use std::fmt;

/// A place in the source, meaningful to `parse` alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) usize);

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Client => "client",
            Side::Server => "server",
        })
    }
}

/// Index of a state. The start state is 0, `End` is the last.
pub(crate) type StateId = usize;
/// Index of a message: the variant's position.
pub(crate) type MessageId = usize;

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A variant as written: its steps still name their states.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) name: Name,
    pub(crate) sender: Side,
    pub(crate) steps: Vec<(Name, Name)>,
    pub(crate) window: Option<u32>,
}

/// A message and the steps it makes.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) sender: Side,
    pub(crate) steps: Vec<Step>,
    /// For a stream: the message is sent while fewer than this many messages are in flight its way.
    pub(crate) window: Option<u32>,
}

/// One `From => To` of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) from: StateId,
    pub(crate) to: StateId,
    pub(crate) place: Place,
}

/// One step with the message that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) message: MessageId,
    pub(crate) from: StateId,
    pub(crate) to: StateId,
    pub(crate) place: Place,
}

/// A contract.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) name: String,
    /// Where the contract says which state is the first.
    pub(crate) start_place: Place,
    /// All states, in the order in which they are mentioned, the start state first and `End` last. The place is
    /// that of the first mention.
    pub(crate) states: Vec<Name>,
    pub(crate) messages: Vec<Message>,
}

/// The name of the state after the last message.
pub(crate) const END: &str = "End";
/// The number of the state in which a contract starts.
pub(crate) const START: StateId = 0;

impl Protocol {
    /// Numbers the states of the messages as written.
    pub(crate) fn new(name: &str, start: Name, spoken: Vec<Spoken>) -> Protocol {
        let start_place = start.place;
        let mut states = vec![start];
        let sources = spoken.iter().flat_map(|message| message.steps.iter().map(|(from, _)| from));
        let targets = spoken.iter().flat_map(|message| message.steps.iter().map(|(_, to)| to));
        for name in sources.chain(targets) {
            if name.text != END && states.iter().all(|state| state.text != name.text) {
                states.push(name.clone());
            }
        }
        // A contract that starts in `End` is refused by `check`; here it only must not break the numbering.
        states.push(Name { text: END.to_owned(), place: start_place });
        let number = |name: &Name| {
            states.iter().rposition(|state| state.text == name.text).expect("every state was numbered above")
        };
        let messages = spoken
            .iter()
            .map(|message| Message {
                name: message.name.text.clone(),
                place: message.name.place,
                sender: message.sender,
                window: message.window,
                steps: message
                    .steps
                    .iter()
                    .map(|(from, to)| Step { from: number(from), to: number(to), place: from.place })
                    .collect(),
            })
            .collect();
        Protocol { name: name.to_owned(), start_place, states, messages }
    }

    /// The number of `End`.
    pub(crate) fn end(&self) -> StateId {
        self.states.len() - 1
    }

    /// Every step of every message.
    pub(crate) fn moves(&self) -> impl Iterator<Item = Move> {
        self.messages.iter().enumerate().flat_map(|(message, spoken)| {
            spoken.steps.iter().map(move |step| Move {
                message,
                from: step.from,
                to: step.to,
                place: step.place,
            })
        })
    }

    /// The steps that leave a state.
    pub(crate) fn leaving(&self, state: StateId) -> impl Iterator<Item = Move> {
        self.moves().filter(move |step| step.from == state)
    }

    /// Who sends this step's message.
    pub(crate) fn sender(&self, step: Move) -> Side {
        self.messages[step.message].sender
    }

    /// Whether this step repeats a stream's message: it leaves the session where it was, and the window bounds how many
    /// such messages are in flight.
    pub(crate) fn streams(&self, step: Move) -> bool {
        step.from == step.to && self.messages[step.message].window.is_some()
    }

    /// Whether a side has something to send in a state.
    pub(crate) fn speaks(&self, side: Side, state: StateId) -> bool {
        self.leaving(state).any(|step| self.sender(step) == side)
    }

    /// The shortest non-empty run of messages from one state to another, through steps that pass the filter.
    pub(crate) fn run(
        &self,
        from: StateId,
        to: StateId,
        through: impl Fn(Move) -> bool,
    ) -> Option<Vec<Move>> {
        let moves: Vec<Move> = self.moves().filter(|step| through(*step)).collect();
        let mut came_by: Vec<Option<Move>> = vec![None; self.states.len()];
        let mut queue = vec![from];
        let mut next = 0;
        while let Some(&state) = queue.get(next) {
            next += 1;
            for step in moves.iter().filter(|step| step.from == state) {
                if came_by[step.to].is_some() {
                    continue;
                }
                came_by[step.to] = Some(*step);
                if step.to == to {
                    return Some(trace_back(&came_by, from, to));
                }
                queue.push(step.to);
            }
        }
        None
    }
}

fn trace_back(came_by: &[Option<Move>], from: StateId, to: StateId) -> Vec<Move> {
    let mut run = Vec::new();
    let mut state = to;
    while let Some(step) = came_by[state] {
        run.push(step);
        state = step.from;
        if state == from {
            break;
        }
    }
    run.reverse();
    run
}

/// Contracts for the tests of the passes.
#[cfg(test)]
pub(crate) mod sketch {
    use super::*;

    fn name(text: &str) -> Name {
        Name { text: text.trim().to_owned(), place: Place(0) }
    }

    /// A contract from lines such as `client Read: Ready => Reading, Paused => Reading` or `client Item[64]: Open =>
    /// Open`, which is a stream; it starts in the first state of the first line.
    pub(crate) fn contract(text: &str) -> Protocol {
        let spoken: Vec<Spoken> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(message).collect();
        let start = spoken[0].steps[0].0.clone();
        Protocol::new("Sketch", start, spoken)
    }

    fn message(line: &str) -> Spoken {
        let (head, steps) = line.split_once(':').expect("side, name, colon, steps");
        let (side, label) = head.split_once(' ').expect("side and name");
        let sender = if side == "client" { Side::Client } else { Side::Server };
        let steps = steps.split(',').map(|step| {
            let (from, to) = step.split_once("=>").expect("an arrow");
            (name(from), name(to))
        });
        let (label, window) = match label.split_once('[') {
            Some((label, window)) => {
                (label, Some(window.trim_end_matches(']').parse().expect("a window is a number")))
            }
            None => (label, None),
        };
        Spoken { name: name(label), sender, steps: steps.collect(), window }
    }
}
