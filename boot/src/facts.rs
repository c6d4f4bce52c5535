//! What processes that measure report: lines of the kernel's log.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A line `fact KIND KEY=VALUE...` of the kernel's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub kind: String,
    values: BTreeMap<String, String>,
}

impl Fact {
    /// The value of `key`.
    ///
    /// # Panics
    /// If there is none, or it is no `T`.
    pub fn get<T: FromStr>(&self, key: &str) -> T {
        let value = self.values.get(key).unwrap_or_else(|| panic!("{self} has a value {key}"));
        value.parse().unwrap_or_else(|_| panic!("{key} of {self} can be read"))
    }

    /// The value of `key` as it stands.
    ///
    /// # Panics
    /// If there is none.
    pub fn text(&self, key: &str) -> String {
        self.get(key)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        self.values.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))
    }
}

/// All facts of one kind in a kernel's log, in order.
pub fn facts(log: &str, kind: &str) -> Vec<Fact> {
    let facts = log.lines().filter_map(|line| line.split_once(": fact ")).filter_map(|(_, fact)| {
        let mut words = fact.split_whitespace();
        let kind = words.next()?.to_owned();
        let values = words.filter_map(|word| word.split_once('='));
        Some(Fact { kind, values: values.map(|(key, value)| (key.to_owned(), value.to_owned())).collect() })
    });
    facts.filter(|fact| fact.kind == kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_among_other_lines_of_the_log() {
        let log =
            "[ 0.1] memory: 3 MiB free\n[ 0.2] a (1): fact size n=12 of=x\n[ 0.3] a (1): fact other n=1\n";
        let found = facts(log, "size");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].get::<u64>("n"), found[0].text("of")), (12, "x".to_owned()));
    }
}
