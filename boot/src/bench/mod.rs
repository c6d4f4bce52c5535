//! `cargo run -- bench WHAT`: measures the running system.

pub mod life;

use anyhow::Result;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Bench {
    /// What a process's life takes, from its start to its end, and how many live at once.
    Life,
}

impl Bench {
    /// Builds what it takes, measures, and returns the table.
    ///
    /// # Errors
    /// When something cannot be built or run.
    pub fn run(self) -> Result<String> {
        match self {
            Bench::Life => life::run(),
        }
    }
}
