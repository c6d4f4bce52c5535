//! Each rule on a contract that breaks it. The oracle judges all of them on contracts at random.

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
