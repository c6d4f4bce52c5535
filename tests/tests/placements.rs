//! No difference in source: the same programs, and the same tests, with either end of a channel in a domain, and both.

use std::time::Duration;

use boot::qemu::Outcome;
use boot::run::Finished;
use tests::{facts, system_of};

const LIMIT: Duration = Duration::from_secs(120);

/// Who is in a domain, of those who talk: the one whose checks are made, the others, or all.
const PLACEMENTS: [(&str, bool, bool); 3] =
    [("the first", true, false), ("the others", false, true), ("all", true, true)];

/// Runs these processes, the first of which reports, with some of them in domains.
fn run(processes: &[&str], first: bool, others: bool) -> Finished {
    let system = system_of(processes).memory_mib(256).rewire(|wiring| {
        let (others_of, first_of) = processes.split_at(processes.len() - 1);
        let chosen = others_of.iter().filter(|_| others).chain(first_of.iter().filter(|_| first));
        wiring.domains.extend(chosen.map(|name| (*name).to_owned()));
    });
    system.run(LIMIT).expect("the machine runs")
}

#[test]
fn what_the_contract_language_promises_holds_wherever_the_ends_are() {
    for (name, first, others) in PLACEMENTS {
        let run = run(&["directory", "pong", "assistant", "porter", "examiner"], first, others);
        let checks = facts(&run.log, "check");
        let failed: Vec<_> = checks.iter().filter(|check| !check.get::<bool>("passed")).collect();
        assert!(failed.is_empty(), "{name} in domains: {failed:?}\n{}", run.log);
        assert_eq!(run.outcome, Outcome::Success, "{name} in domains: {}\n{}", run.text(), run.log);
        println!("{name}: {} checks", checks.len());
    }
}

/// Claim: a block of more than half a page is never copied on its way, and a smaller one only when it enters a domain that did
/// not make it.
fn copies(origin: bool, size: u64) -> u64 {
    const LARGEST_THAT_SHARES_A_PAGE: u64 = 2048;
    if origin || size > LARGEST_THAT_SHARES_A_PAGE { 0 } else { size }
}

#[test]
fn blocks_of_whole_pages_go_through_the_gate_without_a_copy_and_arrive_as_they_were() {
    for (name, first, others) in PLACEMENTS {
        let run = run(&["sink", "relay", "origin"], first, others);
        let sends = facts(&run.log, "send");
        let moves: Vec<_> = sends.iter().filter(|send| send.text("handling") == "Move").collect();
        assert!(moves.len() >= 40, "{name} in domains: {}", run.log);
        for send in moves {
            let size = send.get::<u64>("size");
            assert_eq!(send.get::<u64>("copied"), copies(first, size), "{name} in domains: {send}");
        }
        let stops = facts(&run.log, "stop");
        for journey in stops.chunks(4) {
            let contents: Vec<_> = journey.iter().map(|stop| stop.text("content")).collect();
            assert!(contents.iter().all(|content| *content == contents[0]), "{name} in domains: {journey:?}");
        }
    }
}
