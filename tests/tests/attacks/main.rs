//! Random attacks: system calls with random arguments, and messages that no program sends whose contracts the compiler checked.
//!
//! `cargo test` runs a sample, and replays the corpus. `cargo test -p tests --test attacks -- --whole` makes ten million calls,
//! twice, and tries five thousand seeds of messages; it adds to the corpus what has come out as nothing there has, and
//! keeps its result in `tests/attacks.md`.

mod corpus;
mod report;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use tests::attacks::{Attacked, End, Oracle, run};
use tests::facts;

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// For `cargo test`.
    Sample,
    /// All of it.
    Whole,
}

impl Scale {
    fn of<T>(self, sample: T, whole: T) -> T {
        if self == Scale::Whole { whole } else { sample }
    }

    fn limit(self) -> Duration {
        Duration::from_secs(self.of(240, 4 * 3600))
    }
}

/// All is tried so often: what memory there is after each round is to be the same.
const ROUNDS: usize = 2;
/// The first seed of messages that `cargo test` tries.
const SEED: u64 = 1;

fn main() -> ExitCode {
    let (own, arguments): (Vec<String>, Vec<String>) = std::env::args().partition(|word| word == "--whole");
    let scale = if own.is_empty() { Scale::Sample } else { Scale::Whole };
    let lines = Arc::new(Mutex::new(Vec::new()));
    let keep = |name: &'static str, try_it: fn(Scale) -> Result<String, Failed>| {
        let lines = Arc::clone(&lines);
        Trial::test(name, move || {
            let line = try_it(scale)?;
            println!("{line}");
            lines.lock().expect("no holder panics").push(line);
            Ok(())
        })
    };
    let trials = vec![
        keep("no_system_call_with_whatever_arguments_does_harm", calls),
        keep("no_message_does_harm_that_comes_of_a_seed", messages),
        keep("what_was_found_before_comes_out_as_it_did", replay),
    ];
    let conclusion = libtest_mimic::run(&Arguments::from_iter(arguments), trials);
    let lines = lines.lock().expect("no holder panics");
    if scale == Scale::Whole && !conclusion.has_failed() {
        report::keep(&lines).expect("the result can be written to tests/attacks.md");
    }
    conclusion.exit_code()
}

/// Runs these cases; all memory is given back, and each round comes out as the first.
fn attack(cases: &[String], oracle: Oracle, scale: Scale) -> Attacked {
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    let attacked = run(&cases, ROUNDS, oracle, scale.limit());
    attacked.gave_all_back();
    assert_eq!(attacked.rounds[0], attacked.rounds[1], "the same comes of it each time");
    attacked
}

fn calls(scale: Scale) -> Result<String, Failed> {
    let (processes, each) = scale.of((4, 25_000), (40, 250_000));
    let cases: Vec<String> = (1..=processes).map(|seed| format!("calls {each} {seed}")).collect();
    let attacked = attack(&cases, Oracle::InKernel, scale);
    if let Some(end) = attacked.last_round().iter().find(|end| end.exit != "success") {
        return Err(format!("{end:?}").into());
    }
    let made: u64 = facts(&attacked.log, "calls").iter().map(|fact| fact.get::<u64>("made")).sum();
    assert_eq!(made, ROUNDS as u64 * processes * each);
    Ok(format!("{made} system calls with random arguments, by {processes} processes, {ROUNDS} times"))
}

/// How a domain ends that sends whatever it likes: what was sent was good, or is refused by the kernel or by its receiver.
fn is_known(end: &End) -> bool {
    let refused = ["broke the contract Quiz: ", "sent "].iter().any(|words| end.said.starts_with(words));
    match end.exit.as_str() {
        "success" => true,
        "fault" => refused,
        _ => false,
    }
}

fn messages(scale: Scale) -> Result<String, Failed> {
    let seeds = SEED..SEED + scale.of(150, 5_000);
    let cases: Vec<String> = seeds.clone().map(|seed| format!("impostor fuzz {seed}")).collect();
    let mut counts = BTreeMap::new();
    for oracle in [Oracle::InKernel, Oracle::InDomain] {
        let attacked = attack(&cases, oracle, scale);
        for (seed, end) in seeds.clone().zip(attacked.last_round()) {
            if !is_known(end) {
                return Err(format!("{oracle:?}: {end:?}").into());
            }
            if oracle == Oracle::InKernel {
                counts.entry((end.exit.clone(), end.said.clone())).or_insert((seed, 0)).1 += 1;
            }
        }
    }
    if scale == Scale::Whole {
        corpus::add(counts.iter().map(|((exit, said), (seed, _))| (*seed, exit.as_str(), said.as_str())));
    }
    let mut line = format!(
        "{} seeds of messages, to a peer in the kernel's space and to one in a domain, {ROUNDS} times",
        cases.len()
    );
    for ((exit, said), (_, count)) in &counts {
        line += &format!("\n  - {count}: {exit}{}{said}", if said.is_empty() { "" } else { ", " });
    }
    Ok(line)
}

fn replay(scale: Scale) -> Result<String, Failed> {
    let kept = corpus::kept();
    if kept.is_empty() {
        return Err("the corpus is empty".into());
    }
    let cases: Vec<String> = kept.iter().map(|entry| format!("impostor fuzz {}", entry.seed)).collect();
    let attacked = attack(&cases, Oracle::InKernel, scale);
    for (entry, end) in kept.iter().zip(attacked.last_round()) {
        if (end.exit.as_str(), end.said.as_str()) != (entry.exit, entry.said) {
            return Err(format!("{entry:?} came out as {end:?}").into());
        }
    }
    Ok(format!("{} seeds of the corpus", kept.len()))
}
