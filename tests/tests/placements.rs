//! No difference in source: the same programs, and the same tests, with either end of a channel in a domain, and both.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{PLACEMENTS, facts, system_of};

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn what_the_contract_language_promises_holds_wherever_the_ends_are() {
    let (first, others) = ("examiner", ["directory", "pong", "assistant", "porter"]);
    for placement in PLACEMENTS {
        let system = system_of(&[&others[..], &[first]].concat()).memory_mib(256);
        let run = placement.place(system, &[first], &others).run(LIMIT).expect("the machine runs");
        let checks = facts(&run.log, "check");
        let failed: Vec<_> = checks.iter().filter(|check| !check.get::<bool>("passed")).collect();
        assert!(failed.is_empty(), "{placement:?}: {failed:?}\n{}", run.log);
        assert_eq!(run.outcome, Outcome::Success, "{placement:?}: {}\n{}", run.text(), run.log);
        println!("{}: {} checks", placement.name, checks.len());
    }
}
