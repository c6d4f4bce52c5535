//! Which processes make up the system. One line each.

use contracts::manifest::{Grant, Manifest, Role, Supervised, Wiring};

/// Who starts a process, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The kernel, when the system boots.
    ByKernel,
    /// The supervisor, when the system boots; it also watches it.
    Supervised(Role),
    /// Whoever uses the shell's `run`.
    OnDemand,
}

/// A process of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its name, and that of its folder under `sips/`.
    pub name: &'static str,
    /// Who starts it.
    pub start: Start,
}

const fn by_kernel(name: &'static str) -> Process {
    Process { name, start: Start::ByKernel }
}

const fn start(name: &'static str) -> Process {
    Process { name, start: Start::Supervised(Role::Part) }
}

/// What the system is there for: it ends with this process.
const fn purpose(name: &'static str) -> Process {
    Process { name, start: Start::Supervised(Role::Purpose) }
}

const fn on_demand(name: &'static str) -> Process {
    Process { name, start: Start::OnDemand }
}

/// The processes. Those that the kernel starts come first, then those that the supervisor starts, in this order.
/// `cargo run -- new NAME` adds its line at the end.
#[rustfmt::skip]
pub const PROCESSES: &[Process] = &[
    by_kernel("supervisor"),
    start("directory"),
    start("console"),
    start("archive"),
    start("count"),
    start("digest"),
    start("pong"),
    start("ping"),
    purpose("shell"),
    on_demand("hello"),
    // new processes go above this line
];

/// The services that any process may use, also one whose image nobody vouches for. All others are the kernel's own, or decide
/// what runs.
pub const OPEN: &[&str] = &["archive", "console", "count", "digest", "directory", "ping", "pong"];

/// What of the processes may use more than that although nobody vouches for their images, and which services.
pub const GRANTS: &[(&str, &[&str])] = &[
    ("archive", &["boot_image"]),
    ("console", &["serial_input", "serial_output"]),
    ("directory", &["broker"]),
];

/// The names of the processes that start when the system boots, in the order in which they do.
pub fn started() -> impl Iterator<Item = &'static str> {
    PROCESSES.iter().filter(|process| process.start != Start::OnDemand).map(|process| process.name)
}

/// The wiring as the kernel and the supervisor read it. `processes` are in the order in which they start.
pub fn wiring<'a>(processes: impl IntoIterator<Item = (Start, &'a Manifest)> + Clone) -> Wiring {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let grant =
        |(sip, services): &(&str, &[&str])| Grant { sip: (*sip).to_owned(), services: owned(services) };
    let (open, grants) = (owned(OPEN), GRANTS.iter().map(grant).collect());
    let mut wiring = Wiring { open, grants, ..Wiring::default() };
    for (start, manifest) in processes.clone() {
        match start {
            Start::ByKernel => wiring.start.push(manifest.name.clone()),
            Start::Supervised(role) => {
                let provides = |provider: &Manifest, service: &str| {
                    provider.provides.iter().any(|port| port.service == service)
                };
                let needed = processes.clone().into_iter().filter(|(start, provider)| {
                    matches!(start, Start::Supervised(_))
                        && manifest.uses.iter().any(|port| provides(provider, &port.service))
                });
                wiring.supervised.push(Supervised {
                    name: manifest.name.clone(),
                    policy: manifest.policy,
                    needs: needed.map(|(_, provider)| provider.name.clone()).collect(),
                    role,
                });
            }
            Start::OnDemand => wiring.on_demand.push(manifest.name.clone()),
        }
    }
    wiring
}
