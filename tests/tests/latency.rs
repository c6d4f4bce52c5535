//! What the kernel does for a process keeps none of a higher priority waiting, however long it takes.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{facts, packed, system_of};

const LIMIT: Duration = Duration::from_secs(120);
/// From the end of a nap to the next tick of the timer, in nanoseconds; at one instruction each, in instructions.
const TO_THE_TICK: u64 = 1_000_000;
/// Kinds of work, and the most that the kernel does of each between two points at which others may run, in instructions. A
/// channel is freed in one go.
const WORK: [(&str, u64); 3] = [("heap", 20_000), ("block", 20_000), ("channel", 1_000_000)];

#[test]
fn who_sleeps_wakes_in_time_while_the_kernel_works_for_others() {
    let system = system_of(&["punctual"])
        .entry("sips/toiler", packed("toiler"))
        .rewire(|wiring| wiring.on_demand.push("toiler".to_owned()));
    let run = system.icount(0).run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    let lateness = facts(&run.log, "lateness");
    for late in &lateness {
        println!("{late}");
    }
    let work: Vec<String> = lateness.iter().map(|late| late.text("work")).collect();
    assert_eq!(work, WORK.map(|(work, _)| work));
    for (late, (_, most)) in lateness.iter().zip(WORK) {
        assert!(late.get::<u32>("naps") >= 4, "the work takes longer than a few ticks: {late}");
        assert!(late.get::<u64>("nanoseconds") < TO_THE_TICK + most, "{late}");
    }
}
