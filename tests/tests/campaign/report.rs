//! What came of the campaign, as a table.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use tests::{Fact, facts};

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    part: &'static str,
    what: String,
    pub(crate) injected: u64,
    pub(crate) detected: u64,
    pub(crate) recovered: u64,
    remark: String,
}

impl Row {
    /// A bug that was planted, and how it was found out.
    pub(crate) fn control(bug: &str, how: &str) -> Row {
        let what = bug.to_owned();
        Row { part: "planted bug", what, injected: 1, detected: 1, recovered: 0, remark: how.to_owned() }
    }

    fn of(part: &'static str, what: String, fact: &Fact) -> Row {
        let remark = match part {
            "cycle" => {
                let [first, last] = ["first", "last"].map(|key| fact.text(key));
                format!("{first} instructions each in the first tenth, {last} in the last")
            }
            "server" => {
                let [calm, troubled] = ["calm", "troubled"].map(|key| fact.get::<u64>(key));
                let lost = 100.0 - 100.0 * troubled as f64 / calm as f64;
                format!(
                    "{calm} answers without an end, {troubled} with one each {} ms: {lost:.1}% lost",
                    fact.text("period_ms")
                )
            }
            "no memory" => {
                let [managed, told, died] = ["managed", "told", "died"].map(|key| fact.text(key));
                format!("{told} had a typed error, {died} died, {managed} had another way")
            }
            _ => String::new(),
        };
        let [injected, detected, recovered] = ["injected", "detected", "recovered"].map(|key| fact.get(key));
        Row { part, what, injected, detected, recovered, remark }
    }
}

/// What a kernel's log says.
pub(crate) fn rows(log: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |kind, part, what: fn(&Fact) -> String| {
        rows.extend(facts(log, kind).iter().map(|fact| Row::of(part, what(fact), fact)));
    };
    add("states", "end in a state", |fact| fact.text("contract"));
    add("strikes", "at an instruction", |fact| {
        format!("{}: {}, {}", fact.text("blow").to_lowercase(), fact.text("scene"), fact.text("side"))
    });
    add("walks", "at an instruction", |_| "kill: random sessions".into());
    add("deaths", "way to die", |fact| fact.text("way").replace('_', " "));
    add("crashes", "server", |_| "ends under load".into());
    add("famine", "no memory", |fact| format!("{}: {}", fact.text("who"), fact.text("how")));
    add("funerals", "end during another's", |_| "a peer goes on talking".into());
    add("cycles", "cycle", |_| "create, talk, die".into());
    rows
}

/// All rows, in order, with sums.
pub(crate) fn table(rows: &mut [Row]) -> String {
    rows.sort();
    let mut table =
        String::from("| part | what | injected | detected | recovered | |\n|---|---|--:|--:|--:|---|\n");
    for Row { part, what, injected, detected, recovered, remark } in rows.iter() {
        let recovered = if *part == "planted bug" { "-".into() } else { recovered.to_string() };
        writeln!(table, "| {part} | {what} | {injected} | {detected} | {recovered} | {remark} |")
            .expect("a string takes all");
    }
    let faults = rows.iter().filter(|row| row.part != "planted bug");
    let sums = faults
        .fold([0; 3], |sums, row| [sums[0] + row.injected, sums[1] + row.detected, sums[2] + row.recovered]);
    writeln!(table, "| **all but the bugs** | | {} | {} | {} | |", sums[0], sums[1], sums[2])
        .expect("a string takes all");
    table
}

/// Keeps the table of a whole run in the repository.
pub(crate) fn keep(table: &str, seed: u64) -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("campaign.md");
    let said_by = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        output.map_or("unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let date = said_by("date", &["-u", "+%F"]);
    let revision = said_by("git", &["describe", "--always", "--dirty", "--exclude=*"]);
    let text = format!(
        "# The last whole campaign\n\n{date}, revision {revision}, seed {seed}. Written by `cargo test -p tests --test campaign -- --whole`; \
        what the columns mean is said in [CONTRIBUTING.md](../CONTRIBUTING.md).\n\n{table}"
    );
    std::fs::write(path, text)
}
