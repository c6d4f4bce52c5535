//! What came of the campaign, as a table.

use std::collections::{BTreeMap, BTreeSet};
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
pub(crate) fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort();
    let mut table =
        String::from("| part | what | injected | detected | recovered | |\n|---|---|--:|--:|--:|---|\n");
    for Row { part, what, injected, detected, recovered, remark } in &rows {
        let recovered = if *part == "planted bug" { "-".into() } else { recovered.to_string() };
        writeln!(table, "| {part} | {what} | {injected} | {detected} | {recovered} | {remark} |")
            .expect("a string takes all");
    }
    let faults = rows.iter().filter(|row| row.part != "planted bug");
    let sums = faults
        .fold([0; 3], |sums, row| [sums[0] + row.injected, sums[1] + row.detected, sums[2] + row.recovered]);
    if sums[0] > 0 {
        writeln!(table, "| **all but the bugs** | | {} | {} | {} | |", sums[0], sums[1], sums[2])
            .expect("a string takes all");
    }
    table
}

const HEADING: &str = "# The last whole campaign

Written by `cargo test -p tests --test campaign -- --whole`, which replaces the parts that it ran and that passed. What the \
columns mean is said in [CONTRIBUTING.md](../CONTRIBUTING.md).
";

/// Keeps what came of the whole of these parts in the repository, in place of what came of them before.
pub(crate) fn keep(rows: &[(&str, Row)], seed: u64) -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("campaign.md");
    let said_by = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        output.map_or("unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let date = said_by("date", &["-u", "+%F"]);
    let revision = said_by("git", &["describe", "--always", "--dirty", "--exclude=*"]);
    // A part's section is under its name.
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let sections = before.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let mut sections: BTreeMap<&str, String> =
        sections.map(|(name, text)| (name, text.trim_end().to_owned() + "\n")).collect();
    let parts: BTreeSet<&str> = rows.iter().map(|(part, _)| *part).collect();
    for part in parts {
        let table = table(rows.iter().filter(|(of, _)| *of == part).map(|(_, row)| row));
        sections.insert(part, format!("\n{date}, revision {revision}, seed {seed}.\n\n{table}"));
    }
    let sections = sections.iter().map(|(name, text)| format!("\n## {name}\n{text}"));
    std::fs::write(path, HEADING.to_owned() + &sections.collect::<String>())
}
