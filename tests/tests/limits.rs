//! A process that runs into one of its limits is told so, and nobody else notices.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{facts, system_of};

#[test]
fn a_process_is_told_of_each_limit_that_it_runs_into_and_goes_on() {
    let run =
        system_of(&["echo", "pong", "bounded"]).run(Duration::from_secs(120)).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    let [found] = &facts(&run.log, "limits")[..] else { panic!("it reports once: {}", run.log) };
    // Eight blocks of 5,000 bytes take two pages each, of which 64 KiB are sixteen.
    assert_eq!(found.get::<u64>("blocks"), 8, "{found}");
    assert_eq!(found.get::<u64>("channels"), 12, "the manifest's limit: {found}");
    assert_eq!(found.get::<u64>("threads"), 4, "the manifest's limit: {found}");
    assert_eq!(found.get::<u64>("gift"), 40 << 10, "{found}");
    assert_eq!(found.get::<u64>("value"), 7, "{found}");
    for fact in ["steady", "in_flight", "again", "refused"] {
        assert_eq!(found.text(fact), "true", "{fact}: {found}");
    }
}

#[test]
fn a_process_that_wants_all_gets_what_its_limits_allow() {
    let run =
        system_of(&["directory", "pong", "greedy"]).run(Duration::from_secs(120)).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    let [found] = &facts(&run.log, "greed")[..] else { panic!("it reports once: {}", run.log) };
    assert_eq!(found.get::<u32>("items"), 512, "all of a channel larger than a step of the heap: {found}");
    assert_eq!(found.get::<u32>("shares"), 1, "threads that ask at once share one limit: {found}");
    assert_eq!(found.text("before"), "Yes", "it provides a service: {found}");
    assert_eq!(found.text("after"), "Unknown", "nobody provides a service whose set is dropped: {found}");
    assert_eq!(found.get::<u32>("clients"), 40, "channels by lookup count, too: {found}");
}
