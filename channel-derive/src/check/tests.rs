//! Each rule on a contract that breaks it, and all of them against an explorer of the two peers.

use super::*;
use crate::model::sketch::contract;

fn troubles(text: &str) -> Vec<Trouble> {
    check(&contract(text))
}

fn only(text: &str) -> Trouble {
    let mut found = troubles(text);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_contract_that_keeps_the_rules_is_accepted() {
    let found = troubles(
        "client Read: Ready => Reading
         server Data: Reading => Ready
         server Failed: Reading => Ready
         client Close: Ready => End",
    );
    assert_eq!(found, []);
}

#[test]
fn a_contract_that_never_ends_is_accepted() {
    assert_eq!(troubles("client Ping: A => B\nserver Pong: B => A"), []);
}

#[test]
fn a_state_in_which_both_may_send_is_refused() {
    let found = only("client Stop: Open => End\nserver Data: Open => End");
    assert!(
        matches!(found, Trouble::MixedChoice { client, server } if client.message == 0 && server.message == 1)
    );
}

#[test]
fn a_state_that_no_run_reaches_is_refused() {
    let found = only("client A: One => End\nserver B: Two => Three\nclient C: Three => Two");
    assert!(matches!(found, Trouble::Unreachable { states } if states == [1, 2]));
}

#[test]
fn a_state_in_which_nothing_happens_is_refused() {
    let found = only("client A: One => Two\nclient B: One => End");
    assert!(matches!(found, Trouble::DeadEnd { state: 1, into } if into.len() == 1));
}

#[test]
fn a_cycle_that_one_side_speaks_alone_is_refused_and_shown() {
    let found = only("client A: One => Two\nclient B: Two => One\nclient C: One => End");
    let Trouble::OneSidedCycle { speaker: Side::Client, cycle } = found else { panic!("{found:?}") };
    assert_eq!(cycle.iter().map(|step| step.message).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_stream_is_no_cycle_and_its_message_stays_where_it_is() {
    assert_eq!(troubles("client Item[4]: Open => Open\nclient Done: Open => End"), []);
    let found = only("client Item[4]: Open => End");
    assert!(matches!(found, Trouble::StreamMovesOn { step } if step.message == 0));
    // A longer cycle is none the better for a window in it.
    let found = troubles("client Item[4]: One => Two\nclient Back: Two => One\nclient Done: One => End");
    assert!(found.iter().any(|trouble| matches!(trouble, Trouble::OneSidedCycle { .. })), "{found:?}");
}

#[test]
fn a_stream_takes_a_method_that_waits_and_one_that_does_not() {
    let found = only("client Item[4]: Open => Open\nclient TryItem: Open => End");
    assert!(matches!(found, Trouble::SameMethod { first: 0, second: 1, method } if method == "try_item"));
    assert_eq!(troubles("client Item: Open => End\nclient TryItem: Open => End"), []);
}

#[test]
fn a_label_that_leaves_a_state_twice_is_refused() {
    assert!(matches!(
        only("client A: One => End, One => Two\nserver B: Two => End"),
        Trouble::LabelRepeated { .. }
    ));
}

#[test]
fn two_messages_that_are_one_method_are_refused() {
    let found = only("client HttpGet: One => End\nclient HTTPGet: One => End");
    assert!(matches!(found, Trouble::SameMethod { first: 0, second: 1, .. }));
}

#[test]
fn the_two_sides_may_use_names_that_are_one_method() {
    assert_eq!(troubles("client GetA: One => Two\nserver GETA: Two => End"), []);
}

#[test]
fn what_cannot_be_a_method_is_refused() {
    assert!(matches!(only("client TryReceive: A => End"), Trouble::MessageIsNoMethod { .. }));
    assert!(matches!(only("client Super: A => End"), Trouble::MessageIsNoMethod { .. }));
}

#[test]
fn states_named_like_generated_types_are_refused() {
    for state in ["Client", "Server", "BodyOfAsk", "ServerB"] {
        let found = only(&format!("client Ask: {state} => B\nclient More: B => End"));
        assert!(matches!(found, Trouble::NameTaken { state: 0, .. }), "{state}: {found:?}");
    }
    assert!(matches!(only("client Ask: idle => End"), Trouble::StateIsNoTypeName { state: 0 }));
}

#[test]
fn the_end_neither_starts_nor_speaks() {
    assert!(matches!(troubles("client Ask: End => A")[..], [Trouble::StartsAtTheEnd]));
    assert!(matches!(only("client Ask: A => End\nserver Again: End => A"), Trouble::EndSpeaks { .. }));
}

mod explorer {
    //! An independent judge: two peers and two queues, every interleaving, queues cut at a size that no run of an
    //! accepted contract of this many states can need.

    use std::collections::{HashSet, VecDeque};

    use proptest::prelude::*;

    use super::super::*;
    use crate::depth::{Depths, depths};
    use crate::model::{Name, Place, Spoken};

    #[derive(Clone, PartialEq, Eq, Hash, Default)]
    struct Configuration {
        states: [StateId; 2],
        /// Messages towards each side.
        queues: [VecDeque<MessageId>; 2],
    }

    #[derive(Debug, Default)]
    struct Verdict {
        deepest: [usize; 2],
        overflows: bool,
        unexpected: bool,
        stuck: bool,
    }

    const CUT: usize = 8;

    fn explore(protocol: &Protocol) -> Verdict {
        let mut verdict = Verdict::default();
        let mut seen = HashSet::new();
        let mut open = vec![Configuration::default()];
        while let Some(now) = open.pop() {
            if !seen.insert(now.clone()) {
                continue;
            }
            let mut moved = false;
            for (me, side) in [Side::Client, Side::Server].into_iter().enumerate() {
                let peer = 1 - me;
                for step in protocol.leaving(now.states[me]).filter(|step| protocol.sender(*step) == side) {
                    let window = protocol.messages[step.message].window;
                    if window.is_some_and(|window| now.queues[peer].len() >= window as usize) {
                        continue;
                    }
                    moved = true;
                    let mut next = now.clone();
                    next.states[me] = step.to;
                    next.queues[peer].push_back(step.message);
                    verdict.deepest[peer] = verdict.deepest[peer].max(next.queues[peer].len());
                    if next.queues[peer].len() > CUT {
                        verdict.overflows = true;
                    } else {
                        open.push(next);
                    }
                }
                if let Some(message) = now.queues[me].front() {
                    let known = protocol.leaving(now.states[me]).find(|step| step.message == *message);
                    // A side that may also send looks at its queue whenever it likes: that is mixed choice.
                    let Some(step) = known else {
                        verdict.unexpected |= !protocol.speaks(side, now.states[me]);
                        continue;
                    };
                    moved = true;
                    let mut next = now.clone();
                    next.queues[me].pop_front();
                    next.states[me] = step.to;
                    open.push(next);
                }
            }
            verdict.stuck |= !moved && now.states != [protocol.end(); 2];
        }
        verdict
    }

    fn name(text: String) -> Name {
        Name { text, place: Place(0) }
    }

    prop_compose! {
        /// Up to six states, each spoken in by one side (now and then by both), up to ten messages.
        fn any_contract()(
            speakers in prop::collection::vec(any::<bool>(), 6),
            messages in prop::collection::vec((0..6_usize, 0..7_usize, 0..20_u8), 1..10),
        ) -> Protocol {
            let state = |number: usize| name(if number == 6 { "End".to_owned() } else { format!("S{number}") });
            let spoken: Vec<Spoken> = messages.iter().enumerate().map(|(number, (from, to, whim))| {
                let sender = if speakers[*from] == (*whim > 0) { Side::Client } else { Side::Server };
                // A loop is a stream more often than not: otherwise it is refused.
                let window = (from == to && whim % 4 > 0).then_some(u32::from(whim % 4));
                let steps = vec![(state(*from), state(*to))];
                Spoken { name: name(format!("M{number}")), sender, steps, window }
            }).collect();
            let start = spoken[0].steps[0].0.clone();
            Protocol::new("Random", start, spoken)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn an_accepted_contract_runs_within_its_depths_and_never_sticks(protocol in any_contract()) {
            if check(&protocol).is_empty() {
                let verdict = explore(&protocol);
                let Depths { to_server, to_client } = depths(&protocol);
                prop_assert!(!verdict.overflows && !verdict.unexpected && !verdict.stuck, "{:?}", verdict);
                prop_assert_eq!(verdict.deepest, [to_client, to_server]);
            }
        }

        #[test]
        fn a_refused_contract_really_misbehaves(protocol in any_contract()) {
            let reachable_only = |trouble: &Trouble| !matches!(trouble, Trouble::Unreachable { .. });
            let found = check(&protocol);
            let reached = |state: StateId| state == START || protocol.run(START, state, |_| true).is_some();
            let real = found.iter().filter(|trouble| reachable_only(trouble)).any(|trouble| match trouble {
                Trouble::DeadEnd { state, .. } => reached(*state),
                Trouble::OneSidedCycle { cycle, .. } => reached(cycle[0].from),
                Trouble::MixedChoice { client, .. } => reached(client.from),
                _ => false,
            });
            if real {
                let verdict = explore(&protocol);
                prop_assert!(
                    verdict.overflows || verdict.unexpected || verdict.stuck
                        || found.iter().any(|trouble| matches!(trouble, Trouble::MixedChoice { .. })),
                    "{:?}: {:?}", found, verdict
                );
            }
        }
    }
}
