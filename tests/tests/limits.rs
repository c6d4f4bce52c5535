//! A process that runs into one of its limits is told so, and nobody else notices.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{Fact, PLACEMENTS, Placement, facts, system_of};

/// The only fact of its kind that the last of these processes reports, which is the first program here; the others are the
/// second.
fn found(placement: Placement, processes: &[&str], kind: &str) -> Fact {
    let (others, last) = processes.split_at(processes.len() - 1);
    // Time is counted in instructions, so that a moment is enough for the others however busy the host is.
    let system = placement.place(system_of(processes).icount(0), last, others);
    let run = system.run(Duration::from_secs(120)).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{placement:?}: {}\n{}", run.text(), run.log);
    let Ok([fact]) = <[Fact; 1]>::try_from(facts(&run.log, kind)) else {
        panic!("{placement:?}: it reports once: {}", run.log)
    };
    println!("{}: {fact}", placement.name);
    fact
}

#[test]
fn a_process_is_told_of_each_limit_that_it_runs_into_and_goes_on() {
    for placement in PLACEMENTS {
        let found = found(placement, &["echo", "pong", "bounded"], "limits");
        // Eight blocks of 5,000 bytes take two pages each, of which 64 KiB are sixteen.
        assert_eq!(found.get::<u64>("blocks"), 8, "{placement:?}: {found}");
        assert_eq!(found.get::<u64>("channels"), 12, "the manifest's limit, {placement:?}: {found}");
        assert_eq!(found.get::<u64>("threads"), 4, "the manifest's limit, {placement:?}: {found}");
        assert_eq!(found.get::<u64>("gift"), 40 << 10, "{placement:?}: {found}");
        assert_eq!(found.get::<u64>("value"), 7, "{placement:?}: {found}");
        for fact in ["steady", "in_flight", "again", "refused"] {
            assert_eq!(found.text(fact), "true", "{fact}, {placement:?}: {found}");
        }
    }
}

#[test]
fn a_process_that_wants_all_gets_what_its_limits_allow() {
    for placement in PLACEMENTS {
        let found = found(placement, &["directory", "pong", "greedy"], "greed");
        // All of a channel larger than a step of the heap; in a domain, the limit of memory holds of its shadow.
        let items = if placement.first { 0 } else { 512 };
        assert_eq!(found.get::<u32>("items"), items, "{placement:?}: {found}");
        assert_eq!(
            found.get::<u32>("shares"),
            1,
            "threads that ask at once share one limit, {placement:?}: {found}"
        );
        assert_eq!(found.text("before"), "Yes", "it provides a service, {placement:?}: {found}");
        assert_eq!(found.text("after"), "Unknown", "nobody provides a service whose set is dropped: {found}");
        assert_eq!(found.get::<u32>("clients"), 40, "channels by lookup count, too, {placement:?}: {found}");
    }
}
