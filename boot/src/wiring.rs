//! Which processes make up the system. One line each; they start in this order.

use contracts::manifest::Wiring;

/// When a process starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// When the system boots.
    AtBoot,
    /// When the shell's `run` asks for it.
    OnDemand,
}

/// A process of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name, and that of its folder under `sips/`.
    pub name: &'static str,
    /// When it starts.
    pub start: Start,
}

const fn start(name: &'static str) -> Process {
    Process { name, start: Start::AtBoot }
}

const fn on_demand(name: &'static str) -> Process {
    Process { name, start: Start::OnDemand }
}

/// The processes. `cargo run -- new NAME` adds its line at the end.
#[rustfmt::skip]
pub const PROCESSES: &[Process] = &[
    start("directory"),
    start("console"),
    start("archive"),
    start("count"),
    start("digest"),
    start("pong"),
    start("ping"),
    start("shell"),
    on_demand("hello"),
    // new processes go above this line
];

/// The wiring as the kernel reads it.
pub fn wiring() -> Wiring {
    let at_boot = PROCESSES.iter().filter(|process| process.start == Start::AtBoot);
    Wiring { start: at_boot.map(|process| process.name.to_owned()).collect() }
}
