//! What two peers do: each has a state and a queue, each sends what its state allows and receives what is at the head of
//! its queue, in every order there is. Queues are cut at [`CUT`].

use std::collections::{BTreeSet, HashSet, VecDeque};

use super::sketch::{Sketch, State};

/// Longer than any run of an accepted contract of the size that the oracle makes, its window included.
const CUT: usize = 14;
/// Configurations to look at before giving up.
const MOST: usize = 60_000;

/// What can go wrong between two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flaw {
    /// Messages are on their way in both directions at once.
    Crossing,
    /// A message arrives that its receiver's state does not know.
    Unexpected,
    /// A queue outgrows every bound.
    Overflow,
    /// Neither can do anything, and they are not both at the end.
    Stuck,
    /// A message arrives and its receiver cannot tell which state follows.
    Ambiguous,
}

/// Which configuration is looked at next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The oldest: short runs first.
    BreadthFirst,
    /// The newest: long runs first.
    DepthFirst,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) flaws: BTreeSet<Flaw>,
    /// The most messages in flight towards client and server.
    pub(super) deepest: [usize; 2],
    /// Every configuration was looked at.
    pub(super) complete: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Peer {
    state: State,
    /// Labels on their way to it.
    queue: VecDeque<usize>,
}

/// Tries every order in which the two can act, until a flaw is enough.
pub(super) fn explore(sketch: &Sketch, order: Order, enough: impl Fn(Flaw) -> bool) -> Seen {
    let mut seen = Seen { flaws: BTreeSet::new(), deepest: [0; 2], complete: false };
    let start: [Peer; 2] = Default::default();
    let mut known = HashSet::from([start.clone()]);
    let mut open = VecDeque::from([start]);
    while let Some(now) = if order == Order::DepthFirst { open.pop_back() } else { open.pop_front() } {
        let mut after = Vec::new();
        look(sketch, &now, &mut seen, &mut after);
        if seen.flaws.iter().any(|flaw| enough(*flaw)) || known.len() > MOST {
            return seen;
        }
        for next in after {
            if known.insert(next.clone()) {
                open.push_back(next);
            }
        }
    }
    seen.complete = true;
    seen
}

fn look(sketch: &Sketch, now: &[Peer; 2], seen: &mut Seen, after: &mut Vec<[Peer; 2]>) {
    let mut can_act = false;
    if now.iter().all(|peer| !peer.queue.is_empty()) {
        seen.flaws.insert(Flaw::Crossing);
    }
    for me in 0..2 {
        let other = 1 - me;
        let mut may_send = false;
        for step in sketch.from(now[me].state).filter(|step| step.by == me) {
            may_send = true;
            let in_flight = now[other].queue.len();
            if step.window.is_some_and(|window| in_flight >= window as usize) {
                continue;
            }
            can_act = true;
            if in_flight == CUT {
                seen.flaws.insert(Flaw::Overflow);
                continue;
            }
            let mut next = now.clone();
            next[me].state = step.to;
            next[other].queue.push_back(step.label);
            seen.deepest[other] = seen.deepest[other].max(in_flight + 1);
            after.push(next);
        }
        let Some(label) = now[me].queue.front() else { continue };
        let mut meanings = sketch.from(now[me].state).filter(|step| step.by == other && step.label == *label);
        let Some(meaning) = meanings.next() else {
            // One that may still send has not looked yet.
            if !may_send {
                seen.flaws.insert(Flaw::Unexpected);
            }
            continue;
        };
        can_act = true;
        for meaning in [meaning].into_iter().chain(meanings.inspect(|_| {
            seen.flaws.insert(Flaw::Ambiguous);
        })) {
            let mut next = now.clone();
            next[me].queue.pop_front();
            next[me].state = meaning.to;
            after.push(next);
        }
    }
    if !can_act && now.iter().any(|peer| peer.state != sketch.end()) {
        seen.flaws.insert(Flaw::Stuck);
    }
}
