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

/// A bug that was planted and found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caught {
    pub(crate) bug: String,
    /// What it takes something from.
    pub(crate) mechanism: &'static str,
    /// What found it.
    pub(crate) orders: &'static str,
    /// How it was found out.
    pub(crate) how: String,
}

/// What came of all that was run, by the names of the parts.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) rows: Vec<(&'static str, Row)>,
    pub(crate) caught: Vec<Caught>,
}

impl Row {
    fn of(part: &'static str, what: String, fact: &Fact) -> Row {
        let remark = match part {
            "cycle" => {
                let [first, last] = ["first", "last"].map(|key| fact.text(key));
                format!("{first} instructions each in the first tenth, {last} in the last")
            }
            "server" => {
                let rate = |answers, us| fact.get::<u64>(answers) * 1_000_000 / fact.get::<u64>(us).max(1);
                let (calm, troubled) = (rate("calm", "calm_us"), rate("troubled", "troubled_us"));
                let lost = 100.0 - 100.0 * troubled as f64 / calm as f64;
                format!(
                    "{calm} answers a second without an end, {troubled} with one each {} ms: {lost:.1}% lost",
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
    let mut find = |kind, part, what: fn(&Fact) -> String| {
        rows.extend(facts(log, kind).iter().map(|fact| Row::of(part, what(fact), fact)));
    };
    find("states", "end in a state", |fact| fact.text("contract"));
    find("strikes", "at an instruction", |fact| {
        let blow = match fact.text("blow").as_str() {
            "KillInKernel" => "kill in the kernel".into(),
            blow => blow.to_lowercase(),
        };
        let place = if fact.text("who") == "inmate" { ", in a domain" } else { "" };
        format!("{blow}: {}, {}{place}", fact.text("scene"), fact.text("side"))
    });
    find("upkeep", "give back", |fact| {
        if fact.text("who") == "inmate" {
            "things of every kind, in a domain"
        } else {
            "things of every kind"
        }
        .into()
    });
    find("heirs", "end before its heirs come", |_| "a channel made, a block sent".into());
    find("limits", "limit", |fact| fact.text("limit"));
    find("restarts", "restart", |_| "ever later, and given up".into());
    find("shop", "close a service", |_| "clients of three kinds".into());
    find("turns", "turn", |_| "sleep for a tick while others compute".into());
    find("walks", "at an instruction", |_| "kill: random sessions".into());
    find("deaths", "way to die", |fact| fact.text("way").replace('_', " "));
    find("crashes", "server", |_| "ends under load".into());
    find("famine", "no memory", |fact| format!("{}: {}", fact.text("who"), fact.text("how")));
    find("funerals", "end during another's", |_| "a peer goes on talking".into());
    find("cycles", "cycle", |_| "create, talk, die".into());
    let waits = facts(log, "customer").into_iter().map(|fact| fact.get::<u64>("longest_us"));
    if let (Some(longest), Some(row)) = (waits.max(), rows.iter_mut().find(|row| row.part == "server")) {
        row.remark += &format!("; no answer took longer than {longest} us");
    }
    rows
}

/// All rows, in order, with sums.
fn table<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut rows: Vec<&Row> = rows.collect();
    rows.sort();
    let mut table =
        String::from("| part | what | injected | detected | recovered | |\n|---|---|--:|--:|--:|---|\n");
    for Row { part, what, injected, detected, recovered, remark } in &rows {
        add(
            &mut table,
            format_args!("| {part} | {what} | {injected} | {detected} | {recovered} | {remark} |"),
        );
    }
    let sums = rows
        .iter()
        .fold([0; 3], |sums, row| [sums[0] + row.injected, sums[1] + row.detected, sums[2] + row.recovered]);
    add(&mut table, format_args!("| **all** | | {} | {} | {} | |", sums[0], sums[1], sums[2]));
    table
}

/// All bugs that were found, in order.
fn bugs(caught: &[Caught]) -> String {
    let mut caught = caught.to_vec();
    caught.sort_by(|a, b| (a.mechanism, &a.bug).cmp(&(b.mechanism, &b.bug)));
    let mut table = String::from("| mechanism | planted bug | found by | how |\n|---|---|---|---|\n");
    for Caught { bug, mechanism, orders, how } in caught {
        add(&mut table, format_args!("| {mechanism} | {bug} | `{orders}` | {how} |"));
    }
    table
}

fn add(table: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(table, "{line}").expect("a string takes all");
}

/// Where planted bugs are among the parts.
const BUGS: &str = "each_planted_bug_is_found";

impl Results {
    /// All of it, for people.
    pub(crate) fn tables(&self) -> String {
        let mut tables = String::new();
        if !self.rows.is_empty() {
            tables += &table(self.rows.iter().map(|(_, row)| row));
        }
        if !self.caught.is_empty() {
            tables = tables + "\n" + &bugs(&self.caught);
        }
        tables
    }

    /// The table of each part.
    fn by_part(&self) -> BTreeMap<&'static str, String> {
        let parts: BTreeSet<&str> = self.rows.iter().map(|(part, _)| *part).collect();
        let of_part = |part| table(self.rows.iter().filter(|(of, _)| *of == part).map(|(_, row)| row));
        let mut tables: BTreeMap<&str, String> =
            parts.into_iter().map(|part| (part, of_part(part))).collect();
        if !self.caught.is_empty() {
            tables.insert(BUGS, bugs(&self.caught));
        }
        tables
    }
}

const HEADING: &str = "# The last whole campaign

Written by `cargo test -p tests --test campaign -- --whole`, which replaces the parts that it ran and that passed. What the \
columns mean is said in [CONTRIBUTING.md](../CONTRIBUTING.md).
";

/// Keeps what came of the whole of these parts in the repository, in place of what came of them before.
pub(crate) fn keep(results: &Results, seed: u64) -> std::io::Result<()> {
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
    for (part, table) in results.by_part() {
        sections.insert(part, format!("\n{date}, revision {revision}, seed {seed}.\n\n{table}"));
    }
    let sections = sections.iter().map(|(name, text)| format!("\n## {name}\n{text}"));
    std::fs::write(path, HEADING.to_owned() + &sections.collect::<String>())
}
