//! Seeds of messages that are kept, with what comes of each: a line `SEED EXIT SAID` for each thing that can come of any.

use std::fmt::Write;
use std::path::Path;

const KEPT: &str = include_str!("corpus.txt");

/// A seed, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) seed: u64,
    pub(crate) exit: &'static str,
    pub(crate) said: &'static str,
}

/// All that are kept.
pub(crate) fn kept() -> Vec<Entry> {
    let entry = |line: &'static str| {
        let mut words = line.splitn(3, ' ');
        let seed = words.next()?.parse().ok()?;
        Some(Entry { seed, exit: words.next()?, said: words.next().unwrap_or("") })
    };
    KEPT.lines().map(|line| entry(line).unwrap_or_else(|| panic!("{line} is no entry"))).collect()
}

/// Adds those of which comes what comes of none that is kept.
pub(crate) fn add<'a>(found: impl Iterator<Item = (u64, &'a str, &'a str)>) {
    let kept = kept();
    let mut text = KEPT.to_owned();
    for (seed, exit, said) in found {
        if !kept.iter().any(|entry| (entry.exit, entry.said) == (exit, said)) {
            let line = format!("{seed} {exit} {said}");
            writeln!(text, "{}", line.trim_end()).expect("a string takes all");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks/corpus.txt");
    std::fs::write(path, text).expect("the corpus can be written");
}
