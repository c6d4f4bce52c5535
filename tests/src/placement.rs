//! Tests that hold wherever two programs run: the same images, in the kernel's space or behind page tables.

use boot::system::System;

/// Where two programs run that have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What it is called.
    pub name: &'static str,
    /// Whether the first runs in a domain.
    pub first: bool,
    /// Whether the second does.
    pub second: bool,
}

const fn placement(name: &'static str, first: bool, second: bool) -> Placement {
    Placement { name, first, second }
}

/// Each pair of placements.
pub const PLACEMENTS: [Placement; 4] = [
    placement("SIP-SIP", false, false),
    placement("SIP-domain", false, true),
    placement("domain-SIP", true, false),
    placement("domain-domain", true, true),
];

impl Placement {
    /// The system with the processes that make up the first program, and those that make up the second, where they belong.
    #[must_use]
    pub fn place(self, system: System, first: &[&str], second: &[&str]) -> System {
        let chosen = first.iter().filter(|_| self.first).chain(second.iter().filter(|_| self.second));
        system.rewire(|wiring| wiring.domains.extend(chosen.map(|name| (*name).to_owned())))
    }

    /// Whether one of the two runs in a domain.
    pub fn has_domain(self) -> bool {
        self.first || self.second
    }
}
