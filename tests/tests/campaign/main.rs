//! The fault campaign: processes are ended at every point of what they do and in every way, and each time nothing is left of
//! them, nobody hangs, and nobody else's data is touched.
//!
//! `cargo test` runs a sample. `cargo test -p tests --test campaign -- --whole` runs all of it, which takes hours, and keeps
//! each part's result in `tests/campaign.md`. Both are repeatable: the machine counts instructions instead of time, and all chance
//! comes from a seed, which is printed and can be given by `--seed=N`.

mod controls;
mod parts;
mod report;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use boot::qemu::Outcome;
use boot::run::Finished;
use contracts::sabotage::Bug;
use libtest_mimic::{Arguments, Failed, Trial};

use parts::Part;
use report::{Results, Row};

/// How much of it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// A few minutes of it.
    Sample,
    /// All of it.
    Whole,
}

/// What all chance comes from, if no other seed is given.
const SEED: u64 = 20_261_124;

fn main() -> ExitCode {
    let (own, arguments): (Vec<String>, Vec<String>) =
        std::env::args().partition(|word| word == "--whole" || word.starts_with("--seed="));
    let scale = if own.iter().any(|word| word == "--whole") { Scale::Whole } else { Scale::Sample };
    let seed = own.iter().find_map(|word| word.strip_prefix("--seed="));
    let seed = seed.map_or(SEED, |seed| seed.parse().expect("a seed is a number"));
    let mut arguments = Arguments::from_iter(arguments);
    // Two machines at once; more would only wait for each other.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let results = Arc::new(Mutex::new(Results::default()));
    let parts = parts::all(scale, seed).into_iter().map(|part| {
        let results = Arc::clone(&results);
        Trial::test(part.name, move || {
            let found = run_part(&part, scale)?;
            let mut results = results.lock().expect("no holder panics");
            results.rows.extend(found.into_iter().map(|row| (part.name, row)));
            Ok(())
        })
    });
    let controls = controls::all().into_iter().map(|control| {
        let results = Arc::clone(&results);
        let name = format!("the_bug_{}_is_found", control.name().replace(' ', "_"));
        Trial::test(name, move || {
            let caught = controls::run(&control)?;
            results.lock().expect("no holder panics").caught.push(caught);
            Ok(())
        })
    });
    let trials: Vec<Trial> = parts.chain(controls).chain([controls::none()]).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let results = results.lock().expect("no holder panics");
    println!("seed {seed}\n\n{}", results.tables());
    if scale == Scale::Whole {
        report::keep(&results, seed).expect("the result can be written to tests/campaign.md");
    }
    conclusion.exit_code()
}

/// Runs a part; what came of it, if all is as it should be.
fn run_part(part: &Part, scale: Scale) -> Result<Vec<Row>, Failed> {
    let limit = match scale {
        Scale::Sample => Duration::from_secs(240),
        Scale::Whole => Duration::from_secs(12 * 3600),
    };
    let run = carry_out(&part.orders, Bug::None, limit)?;
    if run.outcome != Outcome::Success {
        return Err(format!("{:?}: {}", run.outcome, last_words(&run)).into());
    }
    let rows = report::rows(&run.log);
    for row in &rows {
        if row.detected != row.injected || row.recovered != row.injected {
            return Err(format!("{row:?}").into());
        }
    }
    parts::at_least(&rows, part.least)?;
    (part.check)(&run.log, &rows)?;
    Ok(rows)
}

/// Has the undertaker carry out these orders, with a bug of the supervisor's.
fn carry_out(orders: &str, bug: Bug, limit: Duration) -> Result<Finished, Failed> {
    let run = tests::campaign::system(orders, bug as u8)
        .icount(0)
        .run(limit)
        .map_err(|error| format!("{error:#}"))?;
    Ok(run)
}

/// What is to be known of a run that failed.
fn last_words(run: &Finished) -> String {
    let lines: Vec<&str> = run.log.lines().filter(|line| !line.contains("] sip ")).collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
