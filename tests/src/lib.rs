//! What the tests that boot the system share: systems made of the tests' own processes, and the facts that these write
//! to the kernel's log.
//!
//! The guests are built once for all tests, by the first that needs them; the processes of `tests/guests/` are among
//! [`boot::guest::Images::sips`].
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use boot::guest::{self, Images};
use boot::system::System;
use boot::wiring::{self, Start};
use boot::{check, setup};
use contracts::manifest::{Role, Wiring};

/// The tests' own processes.
pub const PROCESSES: &[&str] = &[
    "ahead",
    "altered",
    "assistant",
    "bounded",
    "census",
    "coroner",
    "dealer",
    "echo",
    "examiner",
    "faulty",
    "fragile",
    "keeper",
    "meter",
    "nested",
    "north",
    "origin",
    "outdated",
    "porter",
    "relay",
    "sink",
    "south",
    "spinner",
    "twin",
    "witness",
];

/// The images of the system and of the tests' own processes.
///
/// # Panics
/// If they cannot be built; cargo has said why.
pub fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        setup::ensure_qemu().expect("QEMU is there");
        guest::build_with(PROCESSES).expect("the guests build")
    })
}

/// A system that starts these processes, in this order, and no others. It ends with the last one.
///
/// # Panics
/// If there is no image of one of them.
pub fn system_of(processes: &[&str]) -> System {
    let mut images = images().clone();
    images.sips.retain(|name, _| processes.contains(&name.as_str()));
    assert_eq!(images.sips.len(), processes.len(), "each of {processes:?} has an image");
    let start = processes.iter().map(|name| (*name).to_owned()).collect();
    let wiring = Wiring { start, ..Wiring::default() };
    System::from_images(images, wiring).expect("the images can be read")
}

/// A system with a supervisor, which starts these processes by their manifests' policies, in this order. It ends with
/// `purpose`.
///
/// # Panics
/// If there is no image of one of them, or they do not fit together.
pub fn supervised_system(parts: &[&str], purpose: &str) -> System {
    let all = images();
    let mut images = all.clone();
    let named = |name: &str| name == "supervisor" || name == purpose || parts.contains(&name);
    images.sips.retain(|name, _| named(name));
    let process = |start, name: &str| {
        (start, check::manifest(&all.sips[name]).unwrap_or_else(|error| panic!("{name}: {error:#}")))
    };
    let mut processes = vec![process(Start::ByKernel, "supervisor")];
    processes.extend(parts.iter().map(|name| process(Start::Supervised(Role::Part), name)));
    processes.push(process(Start::Supervised(Role::Purpose), purpose));
    check::fit(&processes).expect("the processes fit together");
    let wiring = wiring::wiring(processes.iter().map(|(start, manifest)| (*start, manifest)));
    System::from_images(images, wiring).expect("the images can be read")
}

/// The system that users get.
///
/// # Panics
/// If an image cannot be read, or the processes do not fit together.
pub fn whole_system() -> System {
    let mut images = images().clone();
    images.sips.retain(|name, _| !PROCESSES.contains(&name.as_str()));
    let wiring = check::check(&images).expect("the processes fit together");
    System::from_images(images, wiring).expect("the images can be read")
}

/// The same, with one of the tests' own processes, which starts before all others.
///
/// # Panics
/// As [`whole_system`].
pub fn whole_system_and(process: &str) -> System {
    let system = whole_system().rewire(|wiring| wiring.start.insert(0, process.to_owned()));
    system.entry(&format!("sips/{process}"), image(process))
}

/// The image of the process `name`.
///
/// # Panics
/// If it cannot be read.
pub fn image(name: &str) -> Vec<u8> {
    std::fs::read(&images().sips[name]).expect("the image can be read")
}

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
