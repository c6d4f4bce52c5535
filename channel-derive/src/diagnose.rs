//! What is wrong, where, by which run of messages, and how to mend it.

use crate::check::{Taker, Trouble};
use crate::model::{Move, Place, Protocol, START, Side, StateId};
use crate::names::Unusable;

/// An error message: the text at one place, and short remarks at others.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) also: Vec<(Place, String)>,
}

/// Explains a broken rule.
pub(crate) fn explain(protocol: &Protocol, trouble: &Trouble) -> Report {
    Explainer { protocol }.explain(trouble)
}

struct Explainer<'a> {
    protocol: &'a Protocol,
}

impl Explainer<'_> {
    fn explain(&self, trouble: &Trouble) -> Report {
        match trouble {
            Trouble::StartsAtTheEnd => self.at(
                self.protocol.start_place,
                "a contract cannot start in `End`: nothing is said there\n\
                 help: name the state in which the first message is sent"
                    .to_owned(),
            ),
            Trouble::UnknownStart => self.unknown_start(),
            Trouble::EndSpeaks { step } => self.at(
                step.place,
                format!(
                    "`{}` is sent in `End`, but `End` is where nothing more is sent\n\
                     help: name the state in which it is sent; `End` stands to the right of an arrow only",
                    self.message(*step)
                ),
            ),
            Trouble::StateIsNoTypeName { state } => self.at(
                self.protocol.states[*state].place,
                format!(
                    "state `{0}` becomes the type `{0}`, so it must be named like one\n\
                     help: begin it with an upper-case letter",
                    self.state(*state)
                ),
            ),
            Trouble::NameTaken { state, name, by } => self.name_taken(*state, name, by),
            Trouble::MessageIsNoMethod { message, method, why } => {
                let why = match why {
                    Unusable::Reserved => "which means something else on every endpoint",
                    Unusable::Keyword => "which is a keyword that cannot be a name",
                };
                let message = &self.protocol.messages[*message];
                self.at(
                    message.place,
                    format!(
                        "message `{}` would become the method `{method}`, {why}\nhelp: rename the message",
                        message.name
                    ),
                )
            }
            Trouble::LabelRepeated { first, second } => Report {
                place: second.place,
                text: format!(
                    "`{0}` leaves state `{1}` twice, to `{2}` and to `{3}`: its receiver could not tell which is meant\n\
                     help: keep one of the two steps, or make a message of its own for the other",
                    self.message(*second),
                    self.state(second.from),
                    self.state(first.to),
                    self.state(second.to),
                ),
                also: vec![(
                    first.place,
                    format!("here `{}` leaves `{}` first", self.message(*first), self.state(first.from)),
                )],
            },
            Trouble::SameMethod { first, second, method } => {
                let (first, second) = (&self.protocol.messages[*first], &self.protocol.messages[*second]);
                let what = if first.name == second.name {
                    format!(
                        "two messages of the {} are called `{}`: nobody could tell them apart",
                        second.sender, second.name
                    )
                } else {
                    format!(
                        "messages `{}` and `{}` would both become the method `{method}` of the {}",
                        first.name, second.name, second.sender
                    )
                };
                Report {
                    place: second.place,
                    text: format!("{what}\nhelp: rename one of them"),
                    also: vec![(first.place, format!("`{}` is here", first.name))],
                }
            }
            Trouble::MixedChoice { client, server } => self.mixed_choice(*client, *server),
            Trouble::Unreachable { states } => self.unreachable(states),
            Trouble::DeadEnd { state, into } => self.dead_end(*state, into),
            Trouble::StreamMovesOn { step } => self.at(
                step.place,
                format!(
                    "`{0}` has a window, but leads from `{1}` to `{2}`: a stream's message leaves the state as it is\n\
                     help: let it stay, `{1} => {1}`, and end the stream with a message of its own that leads to `{2}`",
                    self.message(*step),
                    self.state(step.from),
                    self.state(step.to),
                ),
            ),
            Trouble::OneSidedCycle { speaker, cycle } => self.one_sided_cycle(*speaker, cycle),
        }
    }

    fn at(&self, place: Place, text: String) -> Report {
        Report { place, text, also: Vec::new() }
    }

    fn state(&self, state: StateId) -> &str {
        &self.protocol.states[state].text
    }

    fn message(&self, step: Move) -> &str {
        &self.protocol.messages[step.message].name
    }

    /// `` `A` --client: Ask--> `B` --server: Answer--> `A` ``.
    fn run(&self, from: StateId, run: &[Move]) -> String {
        let mut text = format!("`{}`", self.state(from));
        for step in run {
            let sender = self.protocol.sender(*step);
            text += &format!(" --{sender}: {}--> `{}`", self.message(*step), self.state(step.to));
        }
        text
    }

    /// How a session gets to a state, as a sentence without a full stop.
    fn way_to(&self, state: StateId) -> String {
        if state == START {
            return format!("`{}` is the start state", self.state(state));
        }
        match self.protocol.run(START, state, |_| true) {
            Some(run) => format!("the way there: {}", self.run(START, &run)),
            None => "no run of messages leads there".to_owned(),
        }
    }

    fn unknown_start(&self) -> Report {
        let mut known: Vec<&str> = Vec::new();
        for step in self.protocol.moves() {
            if !known.contains(&self.state(step.from)) {
                known.push(self.state(step.from));
            }
        }
        let known: Vec<String> = known.iter().map(|state| format!("`{state}`")).collect();
        self.at(
            self.protocol.start_place,
            format!(
                "no message is sent in the start state `{}`\nhelp: start in a state in which one is: {}",
                self.state(START),
                known.join(", ")
            ),
        )
    }

    fn name_taken(&self, state: StateId, name: &str, by: &Taker) -> Report {
        let by = match by {
            Taker::Endpoints(side) => format!("the type of the {side}'s endpoints"),
            Taker::Received(side, state) => {
                format!("what the {side} receives in state `{}`", self.state(*state))
            }
            Taker::Body(message) => {
                format!("the fields of message `{}`", self.protocol.messages[*message].name)
            }
        };
        self.at(
            self.protocol.states[state].place,
            format!("state `{name}` has the name of a generated type: {by}\nhelp: rename the state"),
        )
    }

    fn mixed_choice(&self, client: Move, server: Move) -> Report {
        let state = self.state(client.from);
        let (asked, told) = (self.message(client), self.message(server));
        let meets = |own: Move, other: Move| {
            let label = self.message(other);
            if own.to == self.protocol.end() {
                format!("`End`, where it never receives `{label}`")
            } else if self.protocol.leaving(own.to).any(|step| step.message == other.message) {
                format!("`{}`, where it takes `{label}` for a later one", self.state(own.to))
            } else {
                format!("`{}`, where `{label}` is not expected", self.state(own.to))
            }
        };
        Report {
            place: client.place,
            text: format!(
                "mixed choice: in state `{state}` both sides may send\n\
                 {way}\n\
                 there, at the same moment:\n\
                 \u{20}   the client sends `{asked}` and is in {at_client}\n\
                 \u{20}   the server sends `{told}` and is in {at_server}\n\
                 they no longer agree on what comes next, and may wait for each other for ever\n\
                 help: let one side speak in `{state}`; give the other a state of its own, which a message of the first \
                 leads to",
                way = self.way_to(client.from),
                at_client = meets(client, server),
                at_server = meets(server, client),
            ),
            also: vec![(server.place, format!("here the server may send `{told}` in `{state}`"))],
        }
    }

    fn unreachable(&self, states: &[StateId]) -> Report {
        let place_of = |state: StateId| {
            let leaving = self.protocol.leaving(state).next();
            leaving.map_or(self.protocol.states[state].place, |step| step.place)
        };
        Report {
            place: place_of(states[0]),
            text: format!(
                "no run of messages leads from the start state `{}` to state `{}`\n\
                 help: add a message that leads there, or remove what is sent there",
                self.state(START),
                self.state(states[0]),
            ),
            also: states[1..]
                .iter()
                .map(|state| (place_of(*state), format!("nor to state `{}`", self.state(*state))))
                .collect(),
        }
    }

    fn dead_end(&self, state: StateId, into: &[Move]) -> Report {
        let name = self.state(state);
        Report {
            place: self.protocol.states[state].place,
            text: format!(
                "nothing can happen in state `{name}`: no message leaves it, so both sides would wait for ever\n\
                 {}\n\
                 help: add a message that is sent in `{name}`, or go to `End` instead",
                self.way_to(state)
            ),
            also: into
                .iter()
                .skip(1)
                .map(|step| (step.place, format!("`{}` leads to `{name}`, too", self.message(*step))))
                .collect(),
        }
    }

    fn one_sided_cycle(&self, speaker: Side, cycle: &[Move]) -> Report {
        let first = cycle[0];
        let last = cycle[cycle.len() - 1];
        let stream = match cycle {
            [only] => format!(
                "; or make it a stream: `#[{speaker}({0} => {0}, window = 64)]`",
                self.state(only.from)
            ),
            _ => String::new(),
        };
        Report {
            place: first.place,
            text: format!(
                "only the {speaker} speaks in this cycle: {}\n\
                 {}\n\
                 the {speaker} may go round it any number of times before the {} receives anything, so no queue is \
                 long enough\n\
                 help: let the {} answer once in the cycle, for instance after `{}`{stream}",
                self.run(first.from, cycle),
                self.way_to(first.from),
                speaker.peer(),
                speaker.peer(),
                self.message(last),
            ),
            also: cycle
                .iter()
                .skip(1)
                .map(|step| (step.place, format!("`{}` is part of the cycle", self.message(*step))))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::check;
    use crate::model::sketch::contract;

    fn texts(text: &str) -> Vec<String> {
        let protocol = contract(text);
        check(&protocol).iter().map(|trouble| explain(&protocol, trouble).text).collect()
    }

    #[test]
    fn a_protocol_error_comes_with_the_run_that_leads_to_it() {
        let found = texts("client Ask: Idle => Open\nclient Stop: Open => End\nserver Data: Open => End");
        assert!(found[0].contains("the way there: `Idle` --client: Ask--> `Open`"), "{}", found[0]);
    }

    #[test]
    fn a_cycle_is_shown_message_by_message() {
        let found = texts("client Ask: A => B\nserver Go: B => C\nserver On: C => B\nserver Leave: B => End");
        assert!(found[0].contains("`B` --server: Go--> `C` --server: On--> `B`"), "{}", found[0]);
    }

    #[test]
    fn every_report_says_how_to_mend_it() {
        for broken in [
            "client A: Open => End\nserver B: Open => End",
            "client A: One => End\nclient B: Two => End",
            "client A: One => Two",
            "client A: One => One",
            "client A: One => End, One => End",
            "client Receive: One => End",
            "client A: one => End",
            "client A: Client => End",
            "client A: End => One",
        ] {
            for text in texts(broken) {
                assert!(text.contains("\nhelp: "), "{text}");
            }
        }
    }
}
