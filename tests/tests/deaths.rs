//! Every way to die, wherever whoever dies runs, and wherever those who are left do: what was said before comes, then `Closed`,
//! the end and its record are as they should be, and nothing is left.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{PLACEMENTS, facts, system_of};

const LIMIT: Duration = Duration::from_secs(240);

#[test]
fn what_was_said_before_death_comes_and_then_the_channel_closes_and_nothing_is_left() {
    for placement in PLACEMENTS {
        let system = system_of(&["mortal", "mourner"]).icount(0).rewire(|wiring| {
            wiring.start.retain(|name| name != "mortal");
            wiring.on_demand.push("mortal".to_owned());
        });
        let run = placement.place(system, &["mourner"], &["mortal"]).run(LIMIT).expect("the machine runs");
        assert_eq!(run.outcome, Outcome::Success, "{placement:?}: {}\n{}", run.text(), run.log);
        let [mourned] = &facts(&run.log, "mourned")[..] else { panic!("it reports once: {}", run.log) };
        println!("{}: {mourned}", placement.name);
        assert!(mourned.get::<u64>("deaths") >= 3 * 15 * 6, "{mourned}");
        let [_, before, after] = &facts(&run.log, "sums")[..] else {
            panic!("it reports three times: {}", run.log)
        };
        for what in ["blocks", "bytes", "mapped", "channels", "free_frames", "kernel_heap"] {
            assert_eq!(before.text(what), after.text(what), "{what}, {placement:?}: {before}, {after}");
        }
    }
}
