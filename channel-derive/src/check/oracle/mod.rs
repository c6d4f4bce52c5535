//! An independent judge of the rules and the depths, written from the definitions alone: what a contract *is* ([`sketch`]),
//! and what two peers with a queue each way *do* ([`peers`]). It shares no code with the passes that it judges; a contract
//! crosses over to them in [`passes`] only.

mod generated;
mod passes;
mod peers;
mod sketch;

use std::collections::BTreeSet;

use proptest::prelude::*;

use peers::{Flaw, Order};
use sketch::{Rule, Sketch};

fn tape() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_contract_made_to_keep_the_rules_is_accepted_and_its_peers_find_no_flaw(tape in tape()) {
        let sketch = Sketch::that_keeps_the_rules(&tape);
        prop_assert_eq!(passes::broken(&sketch), BTreeSet::new(), "{}", sketch);
        let seen = peers::explore(&sketch, Order::DepthFirst, |_| false);
        prop_assert!(seen.complete, "a contract of this size is explored to the end");
        prop_assert_eq!(&seen.flaws, &BTreeSet::new(), "{}", sketch);
        prop_assert_eq!(seen.deepest, passes::depths(&sketch), "{}", sketch);
    }

    #[test]
    fn the_passes_name_just_the_rules_that_a_contract_breaks(tape in tape()) {
        let sketch = Sketch::at_random(&tape);
        prop_assert_eq!(passes::broken(&sketch), sketch.broken(), "{}", sketch);
    }

    #[test]
    fn whatever_is_accepted_runs_without_a_flaw_within_its_depths(tape in tape()) {
        let sketch = Sketch::at_random(&tape);
        if passes::broken(&sketch).is_empty() {
            let seen = peers::explore(&sketch, Order::DepthFirst, |_| false);
            prop_assert!(seen.complete && seen.flaws.is_empty(), "{}: {:?}", sketch, seen.flaws);
            prop_assert_eq!(seen.deepest, passes::depths(&sketch), "{}", sketch);
        }
    }

    #[test]
    fn a_contract_with_one_fault_is_refused_for_it_and_its_peers_show_why(tape in tape(), which in 0..5_usize) {
        let rule = [Rule::Mixed, Rule::OneSided, Rule::DeadEnd, Rule::Repeated, Rule::Unreachable][which];
        let mut sketch = Sketch::that_keeps_the_rules(&tape);
        prop_assume!(sketch.break_rule(rule, &tape));
        prop_assert!(passes::broken(&sketch).contains(&rule), "{}", sketch);
        let (flaw, order) = match rule {
            Rule::Mixed => (Flaw::Crossing, Order::BreadthFirst),
            Rule::OneSided => (Flaw::Overflow, Order::DepthFirst),
            Rule::DeadEnd => (Flaw::Stuck, Order::BreadthFirst),
            Rule::Repeated => (Flaw::Ambiguous, Order::BreadthFirst),
            // Who never gets there finds no flaw: the text promises what cannot happen.
            _ => return Ok(()),
        };
        let seen = peers::explore(&sketch, order, |found| found == flaw);
        prop_assert!(seen.flaws.contains(&flaw) || !seen.complete, "{}: {:?}", sketch, seen.flaws);
    }
}

#[test]
fn the_peers_show_each_flaw_on_a_contract_that_has_it() {
    for (flaw, order, text) in [
        (Flaw::Crossing, Order::BreadthFirst, "client 0 0>1, server 1 0>1, client 2 1>E"),
        (Flaw::Unexpected, Order::BreadthFirst, "client 0 0>1, server 1 0>2, server 2 1>E, client 3 2>E"),
        (Flaw::Overflow, Order::DepthFirst, "client 0 0>1, client 1 1>0"),
        (Flaw::Stuck, Order::BreadthFirst, "client 0 0>1"),
        (Flaw::Ambiguous, Order::BreadthFirst, "client 0 0>1, client 0 0>E, server 1 1>E"),
    ] {
        let seen = peers::explore(&Sketch::parse(text), order, |found| found == flaw);
        assert!(seen.flaws.contains(&flaw), "{text}: {flaw:?}");
    }
}
