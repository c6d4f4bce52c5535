//! Builds the system, packs the boot archive and runs it in QEMU. `cargo run` and the tests both go through here.
//!
//! - [`guest`] builds kernel, loader and SIPs in a cargo call of their own;
//! - [`mod@vouching`] finds out which of them may be signed;
//! - [`wiring`] says which SIPs start, [`check`] that their manifests fit together;
//! - [`archive`] packs the boot archive, [`strip`] makes its images small, [`signing`] signs them; [`system`] is all of this
//!   in one value;
//! - [`qemu`] is the machine, [`run`] one run of it with a time limit, which ends in an [`qemu::Outcome`];
//! - [`mod@bench`] measures the running system, whose processes report by [`facts`];
//! - [`setup`] installs QEMU where it is missing; [`gdb`], [`iso`] and [`new`] are the tools beside.
//!
//! A test reads:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use boot::signing::Key;
//! let run = boot::system::System::build(&Key::development()?)?.exec("uptime; shutdown").run(Duration::from_secs(60))?;
//! assert_eq!(run.outcome, boot::qemu::Outcome::Success);
//! # Ok::<(), anyhow::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod archive;
pub mod bench;
pub mod check;
pub mod describe;
pub mod facts;
pub mod gdb;
pub mod guest;
pub mod iso;
pub mod new;
pub mod options;
pub mod qemu;
pub mod run;
pub mod setup;
pub mod signing;
pub mod strip;
pub mod system;
pub mod terminal;
pub mod vouching;
pub mod wiring;
