//! Attackers in domains, one after the other, and what came of each.

use std::time::Duration;

use boot::facts::{Fact, facts};
use boot::qemu::Outcome;

use crate::{packed, system_of};

/// Where the one is to whom attackers send messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// In the kernel's space.
    InKernel,
    /// In a domain of its own.
    InDomain,
}

/// The end of an attacker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What it was told to do.
    pub case: String,
    /// How its end is called.
    pub exit: String,
    /// What is said of it.
    pub said: String,
}

/// What came of some attacks.
#[derive(Debug)]
pub struct Attacked {
    /// The kernel's log.
    pub log: String,
    /// The ends of each round, in the order of the cases.
    pub rounds: Vec<Vec<End>>,
}

/// Has attackers try all cases, so many times over. Each case is the argument of `hostile`, or after the word `impostor` that of
/// `impostor`. Time is counted in instructions, so that the same comes of it each time.
///
/// # Panics
/// If the system does not come to its end.
pub fn run(cases: &[&str], rounds: usize, oracle: Oracle, limit: Duration) -> Attacked {
    let mut system = system_of(&["archive", "oracle", "warden"]).icount(0);
    let mut domains = vec!["hostile", "impostor"];
    for name in &domains {
        system = system.entry(&format!("sips/{name}"), packed(name));
    }
    if oracle == Oracle::InDomain {
        domains.push("oracle");
    }
    let system = system.entry("cases", format!("{rounds}\n{}", cases.join("\n")));
    let system = system.rewire(|wiring| wiring.domains.extend(domains.iter().map(|name| (*name).to_owned())));
    let run = system.run(limit).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "console: {}\nlog:\n{}", run.text(), run.log);
    let said: Vec<(&str, &str)> =
        run.log.lines().filter_map(|line| line.split_once("fact said-")?.1.split_once(' ')).collect();
    let ends: Vec<End> = facts(&run.log, "end")
        .iter()
        .zip(cases.iter().cycle())
        .zip(said)
        .map(|((end, case), (_, said))| End {
            case: (*case).to_owned(),
            exit: end.text("exit"),
            said: said.to_owned(),
        })
        .collect();
    assert_eq!(ends.len(), rounds * cases.len(), "each attacker has come to its end: {}", run.log);
    Attacked { rounds: ends.chunks(cases.len()).map(<[End]>::to_vec).collect(), log: run.log }
}

impl Attacked {
    /// The ends of the last round.
    ///
    /// # Panics
    /// If there was none.
    pub fn last_round(&self) -> &[End] {
        self.rounds.last().expect("there are rounds")
    }

    /// Finds that after the last round there is as much memory as before it.
    ///
    /// # Panics
    /// If there is not.
    pub fn gave_all_back(&self) {
        let memory: Vec<Fact> = facts(&self.log, "memory");
        let [.., before, after] = &memory[..] else { panic!("there are two rounds: {memory:?}") };
        for what in ["bytes", "channels", "blocks"] {
            assert_eq!(before.text(what), after.text(what), "{what}: {before}, {after}");
        }
    }
}
