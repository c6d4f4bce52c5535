//! `cargo run -- bench WHAT`: measures the running system.

mod chart;
pub mod life;
pub mod walls;

use anyhow::{Result, bail};
use std::path::Path;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Bench {
    /// What a process's life takes, from its start to its end, and how many live at once.
    Life,
    /// What a message takes between processes that page tables keep apart, and between those that they do not.
    Walls,
}

impl Bench {
    /// Builds what it takes, measures, and returns the table. Draws a chart into the file `svg`, if one is named.
    ///
    /// # Errors
    /// When something cannot be built or run, or there is no chart of it.
    pub fn run(self, svg: Option<&Path>) -> Result<String> {
        match self {
            Bench::Life if svg.is_some() => bail!("--svg: there is no chart of what a life takes"),
            Bench::Life => life::run(),
            Bench::Walls => walls::run(svg),
        }
    }
}
