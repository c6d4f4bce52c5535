//! The command line.

use crate::bench::Bench;
use crate::qemu::{Accel, DEFAULT_MEMORY_MIB};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Seconds that a run with `--exec` may take unless `--timeout` says otherwise.
const EXEC_TIMEOUT_SECONDS: u64 = 600;

/// Builds Entente and boots it in QEMU.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo run --", bin_name = "cargo run --", args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Exit status: 0 shut down and every command succeeded, 1 a command failed, 2 wrong options or \
    a failed build, 3 kernel panic, 4 the loader gave up, 5 the machine went off by itself, 6 QEMU failed, 124 \
    time limit."
)]
pub struct Options {
    /// What to do instead of booting.
    #[command(subcommand)]
    pub command: Option<Subcommands>,
    /// Run these shell commands without a terminal, print only their output, and power off.
    #[arg(long, value_name = "CMD; CMD")]
    pub exec: Option<String>,
    /// Put a host file into the boot archive under its base name (repeatable).
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Run the processes of this name in domains, behind page tables (repeatable).
    #[arg(long = "domain", value_name = "NAME")]
    pub domains: Vec<String>,
    /// Run the processes of this name in the kernel's space, which takes a signed image (repeatable).
    #[arg(long = "no-domain", value_name = "NAME")]
    pub no_domains: Vec<String>,
    /// Sign images with this ed25519 key in PEM, in place of the development key.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Number of processors.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=255))]
    pub smp: u32,
    /// Memory in MiB.
    #[arg(long, value_name = "MIB", default_value_t = DEFAULT_MEMORY_MIB, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub memory: u32,
    /// How guest code is executed; auto takes kvm only where it is known to work.
    #[arg(long, value_enum, default_value_t = Accel::Tcg)]
    pub accel: Accel,
    /// End the run after this many seconds [default: 600 with --exec, else none].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
    /// Wait for gdb, and print the command that attaches it.
    #[arg(long)]
    pub gdb: bool,
    /// Write a GRUB ISO image (BIOS and UEFI) instead of booting.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["gdb", "smp", "accel", "timeout"])]
    pub iso: Option<PathBuf>,
}

/// What `boot` can do besides booting.
#[derive(Clone, Debug, Subcommand)]
pub enum Subcommands {
    /// Make a new process from a template: its folder under sips/ and its line of wiring.
    New {
        /// The process's name: lower-case letters, digits and dashes.
        name: String,
    },
    /// Measure the running system and print a table.
    Bench {
        /// What to measure.
        #[arg(value_enum)]
        what: Bench,
        /// Also draw a chart into this file.
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Print the stock contracts and those of the processes: states, messages, depths, slots, fingerprint.
    Contracts {
        /// Only the contract of this name.
        name: Option<String>,
        /// Also draw them, a file each, in this folder.
        #[arg(long, value_name = "DIR")]
        svg: Option<PathBuf>,
    },
}

impl Options {
    /// The time limit of the run, if there is one.
    pub fn limit(&self) -> Option<Duration> {
        let default = self.exec.as_ref().map(|_| EXEC_TIMEOUT_SECONDS);
        self.timeout.or(default).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Options, String> {
        let arguments = std::iter::once("boot").chain(arguments.iter().copied());
        Options::try_parse_from(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn the_options_are_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn only_exec_has_a_time_limit_by_default() {
        assert_eq!(parse(&[]).unwrap().limit(), None);
        assert_eq!(parse(&["--exec", "ls"]).unwrap().limit(), Some(Duration::from_secs(600)));
        assert_eq!(parse(&["--exec", "ls", "--timeout", "5"]).unwrap().limit(), Some(Duration::from_secs(5)));
        assert_eq!(parse(&["--timeout", "7"]).unwrap().limit(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn files_add_up_and_the_defaults_are_small() {
        let options = parse(&["--file", "a", "--file", "b"]).unwrap();
        assert_eq!(options.files, [PathBuf::from("a"), PathBuf::from("b")]);
        assert_eq!((options.smp, options.memory, options.accel), (1, 512, Accel::Tcg));
    }

    #[test]
    fn what_can_be_measured_is_listed_where_it_is_not_named() {
        let life = parse(&["bench", "life"]).unwrap().command;
        assert!(matches!(life, Some(Subcommands::Bench { what: Bench::Life, svg: None })));
        assert!(parse(&["bench", "death"]).unwrap_err().contains("possible values: life, walls"));
    }

    #[test]
    fn an_unknown_option_is_named() {
        assert!(parse(&["--frobnicate"]).unwrap_err().contains("'--frobnicate'"));
        assert!(parse(&["frobnicate"]).unwrap_err().contains("frobnicate"));
        assert!(parse(&["--memory", "much"]).unwrap_err().contains("much"));
    }
}
