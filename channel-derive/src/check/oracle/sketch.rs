//! Contracts as bare numbers, at random, and the rules as one would check them by hand.

use std::collections::BTreeSet;
use std::fmt;

/// Index of a state; the first is where it starts.
pub(super) type State = usize;

/// 0 for the client, 1 for the server.
pub(super) type By = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) label: usize,
    pub(super) by: By,
    pub(super) from: State,
    pub(super) to: State,
    pub(super) window: Option<u32>,
}

/// A contract. A label belongs to one side and has one window.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    /// How many states there are besides the end.
    pub(super) states: usize,
    pub(super) steps: Vec<Step>,
}

/// A rule of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// Something can happen in the start state.
    Start,
    /// Nothing happens in the end.
    EndSpeaks,
    /// Labels that leave a state differ.
    Repeated,
    /// One side speaks in a state.
    Mixed,
    /// Every state can be reached.
    Unreachable,
    /// Something can happen in every state but the end.
    DeadEnd,
    /// A message with a window stays where it is.
    StreamMovesOn,
    /// Nobody can speak for ever without a window.
    OneSided,
}

/// Choices read from random bytes; zeros when they run out, so that a shorter tape is a simpler contract.
struct Tape<'a>(std::slice::Iter<'a, u8>);

impl Tape<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % bound
    }
}

impl Sketch {
    /// The state that ends it.
    pub(super) fn end(&self) -> State {
        self.states
    }

    /// A contract that keeps every rule, by construction: each state has one speaker, a predecessor that is reached and a
    /// way on; and steps between two states of one speaker lead upwards only.
    pub(super) fn that_keeps_the_rules(tape: &[u8]) -> Sketch {
        let mut tape = Tape(tape.iter());
        let states = 1 + tape.below(7);
        let speakers: Vec<By> = (0..states).map(|_| tape.below(2)).collect();
        let mut this = Sketch { states, steps: Vec::new() };
        for state in 1..states {
            let from = tape.below(state);
            this.say(speakers[from], from, state, None);
        }
        for _ in 0..tape.below(6) {
            let (from, to) = (tape.below(states), tape.below(states + 1));
            if to > from || speakers[to] != speakers[from] {
                this.say(speakers[from], from, to, None);
            }
        }
        for state in 0..states {
            if this.from(state).next().is_none() {
                // Back to somebody else's state, or to the end.
                let to =
                    (0..states).find(|to| speakers[*to] != speakers[state]).filter(|_| tape.below(2) == 1);
                this.say(speakers[state], state, to.unwrap_or(states), None);
            }
        }
        for _ in 0..tape.below(3) {
            let state = tape.below(states);
            this.say(speakers[state], state, state, Some(1 + tape.below(3) as u32));
        }
        this.share_labels(&mut tape);
        this
    }

    /// A contract that keeps whatever rules it happens to keep.
    pub(super) fn at_random(tape: &[u8]) -> Sketch {
        let mut tape = Tape(tape.iter());
        let states = 1 + tape.below(5);
        let speakers: Vec<By> = (0..states).map(|_| tape.below(2)).collect();
        let mut this = Sketch { states, steps: Vec::new() };
        for _ in 0..1 + tape.below(9) {
            let seldom = usize::from(tape.below(40) == 39);
            let from = tape.below(states + seldom);
            // What speaks at the end goes on elsewhere: a loop there is no cycle of the contract.
            let to = tape.below(states + usize::from(from < states));
            let usual = speakers.get(from).copied().unwrap_or(0);
            let by = if tape.below(16) == 15 { 1 - usual } else { usual };
            let window = match tape.below(12) {
                11 => Some(2),
                // A loop that is no stream is refused at once.
                odd if from == to && odd % 2 == 1 => Some(1 + odd as u32 % 3),
                _ => None,
            };
            this.say(by, from, to, window);
        }
        this.share_labels(&mut tape);
        this.close_up();
        this
    }

    fn say(&mut self, by: By, from: State, to: State, window: Option<u32>) {
        self.steps.push(Step { label: self.steps.len(), by, from, to, window });
    }

    pub(super) fn from(&self, state: State) -> impl Iterator<Item = Step> {
        self.steps.iter().copied().filter(move |step| step.from == state)
    }

    /// Lets some steps of one side in different states have one label.
    fn share_labels(&mut self, tape: &mut Tape<'_>) {
        for step in 1..self.steps.len() {
            let other = self.steps[tape.below(step)];
            let this = self.steps[step];
            let taken = self.from(this.from).any(|step| step.label == other.label);
            if other.by == this.by && other.window == this.window && !taken && tape.below(2) == 1 {
                self.steps[step].label = other.label;
            }
        }
    }

    /// Leaves out states that no step mentions: a contract has no others.
    fn close_up(&mut self) {
        let end = self.states;
        let used: BTreeSet<State> = self
            .steps
            .iter()
            .flat_map(|step| [step.from, step.to])
            .chain([0])
            .filter(|state| *state != end)
            .collect();
        let number = |state: State| used.iter().position(|other| *other == state).unwrap_or(used.len());
        for step in &mut self.steps {
            (step.from, step.to) = (number(step.from), number(step.to));
        }
        self.states = used.len();
    }

    /// Breaks one rule in a contract that keeps them all; false if it has no place for that.
    pub(super) fn break_rule(&mut self, rule: Rule, tape: &[u8]) -> bool {
        let mut tape = Tape(tape.iter());
        // Another reading of the same bytes would make the same choices again.
        let choices = tape.0.as_slice().len() / 2;
        tape.0.nth(choices);
        let end = self.end();
        let state = tape.below(self.states);
        let Some(by) = self.from(state).next().map(|step| step.by) else { return false };
        let label = self.steps.len();
        let new = |by, from, to| Step { label, by, from, to, window: None };
        match rule {
            Rule::Mixed => self.steps.push(new(1 - by, state, end)),
            Rule::OneSided => self.steps.push(new(by, state, state)),
            Rule::DeadEnd => {
                self.move_end();
                self.steps.push(new(by, state, end));
            }
            Rule::Unreachable => {
                self.move_end();
                self.steps.push(new(by, end, self.states));
            }
            Rule::Repeated => {
                let Some(first) = self.from(state).find(|step| step.window.is_none() && step.to != end)
                else {
                    return false;
                };
                self.steps.push(Step { to: end, ..first });
            }
            Rule::Start | Rule::EndSpeaks | Rule::StreamMovesOn => return false,
        }
        true
    }

    /// Makes room for one more state, whose number is that of the end before.
    fn move_end(&mut self) {
        for step in self.steps.iter_mut().filter(|step| step.to == self.states) {
            step.to += 1;
        }
        self.states += 1;
    }

    /// The rules that it breaks, each by its definition.
    pub(super) fn broken(&self) -> BTreeSet<Rule> {
        let mut broken = BTreeSet::new();
        let inner = 0..self.states;
        let both = |state: &State| (0..2).all(|by| self.from(*state).any(|step| step.by == by));
        let silent = |state: &State| self.from(*state).next().is_none();
        let reached = self.reached();
        let rules = [
            (Rule::Start, silent(&0)),
            (Rule::EndSpeaks, !silent(&self.end())),
            (Rule::Mixed, inner.clone().any(|state| both(&state))),
            (Rule::DeadEnd, inner.clone().skip(1).any(|state| silent(&state))),
            // A dead end that nobody reaches is reported as a dead end, and a silent start makes all others unreachable.
            (
                Rule::Unreachable,
                !silent(&0) && inner.clone().any(|state| !silent(&state) && !reached.contains(&state)),
            ),
            (
                Rule::Repeated,
                self.steps.iter().enumerate().any(|(i, one)| {
                    self.steps[..i].iter().any(|other| (one.label, one.from) == (other.label, other.from))
                }),
            ),
            (
                Rule::StreamMovesOn,
                self.steps.iter().any(|step| step.window.is_some() && step.from != step.to),
            ),
            (Rule::OneSided, (0..2).any(|by| self.states_after_many(by))),
        ];
        broken.extend(rules.into_iter().filter(|(_, is_broken)| *is_broken).map(|(rule, _)| rule));
        broken
    }

    /// The states that some run of messages leads to, each delivered at once.
    fn reached(&self) -> BTreeSet<State> {
        let mut reached = BTreeSet::from([0]);
        for _ in 0..self.states + 1 {
            let more: Vec<State> =
                self.steps.iter().filter(|step| reached.contains(&step.from)).map(|step| step.to).collect();
            reached.extend(more);
        }
        reached
    }

    /// Whether one side can speak, from some state on, more often than there are states: then it can for ever.
    fn states_after_many(&self, by: By) -> bool {
        let mut now: BTreeSet<State> = (0..=self.states).collect();
        for _ in 0..self.states + 2 {
            let speaks = |step: &&Step| {
                step.by == by && now.contains(&step.from) && !(step.window.is_some() && step.from == step.to)
            };
            now = self.steps.iter().filter(speaks).map(|step| step.to).collect();
        }
        !now.is_empty()
    }

    /// A contract from `side label from>to`, steps separated by commas, `E` for the end.
    pub(super) fn parse(text: &str) -> Sketch {
        let mut steps = Vec::new();
        for step in text.split(',') {
            let words: Vec<&str> = step.split_whitespace().collect();
            let (from, to) = words[2].split_once('>').expect("an arrow");
            let number = |text: &str| text.parse().unwrap_or(usize::MAX);
            let (by, label) = (usize::from(words[0] == "server"), number(words[1]));
            steps.push(Step { label, by, from: number(from), to: number(to), window: None });
        }
        let mentioned = steps.iter().flat_map(|step| [step.from, step.to]);
        let states = mentioned.filter(|state| *state != usize::MAX).max().map_or(1, |last| last + 1);
        for step in &mut steps {
            step.to = step.to.min(states);
        }
        Sketch { states, steps }
    }
}

impl fmt::Display for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |state| if state == self.end() { "E".to_owned() } else { format!("{state}") };
        for Step { label, by, from, to, window } in &self.steps {
            let side = ["client", "server"][*by];
            write!(f, "{side} {label} {}>{}", name(*from), name(*to))?;
            window.map_or(Ok(()), |window| write!(f, " window {window}"))?;
            f.write_str(", ")?;
        }
        Ok(())
    }
}
