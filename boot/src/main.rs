//! `cargo run`: see `--help`.
#![forbid(unsafe_code)]

use anyhow::Result;
use boot::guest::target_dir;
use boot::options::{Options, Subcommands};
use boot::qemu::{Debugger, Outcome};
use boot::run::{self, Input};
use boot::signing::Key;
use boot::system::{System, scratch_dir};
use boot::vouching::rustc;
use boot::{describe, gdb, iso, new, terminal};
use clap::Parser;
use std::path::Path;
use std::process::ExitCode;

/// Lines of the kernel log that are shown when a run ends badly.
const LOG_LINES: usize = 40;

fn main() -> ExitCode {
    // Cargo calls this program for images, as it would the compiler.
    if let Some(status) = rustc::run() {
        return status;
    }
    match go(&Options::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn go(options: &Options) -> Result<u8> {
    if let Some(Subcommands::New { name }) = &options.command {
        let dir = new::make(name)?;
        eprintln!("made {} and its line in boot/src/wiring.rs", dir.display());
        return Ok(0);
    }
    if let Some(Subcommands::Contracts { name, svg }) = &options.command {
        describe::print(name.as_deref(), svg.as_deref())?;
        return Ok(0);
    }
    if let Some(Subcommands::Bench { what, svg }) = &options.command {
        print!("{}", what.run(svg.as_deref())?);
        return Ok(0);
    }
    // First, for a build takes longer than it takes to see that there is no such file.
    let key = options.key.as_deref().map_or_else(Key::development, Key::read)?;
    let mut system = System::build(&key)?;
    for path in &options.files {
        system.archive.add_file(path)?;
    }
    for name in &options.domains {
        system = system.domain(name)?;
    }
    for name in &options.no_domains {
        system = system.no_domain(name)?;
    }
    if let Some(commands) = &options.exec {
        system = system.exec(commands);
    }
    system.machine.memory_mib = options.memory;
    system.machine.cores = options.smp;
    system.machine.accel = options.accel;
    if let Some(path) = &options.iso {
        system.machine.check_memory(system.archive.bytes(), system.archive.largest())?;
        iso::write(&system, path)?;
        eprintln!("wrote {}; it boots under BIOS and UEFI, with its console on COM1", path.display());
        return Ok(0);
    }
    boot(options, &system)
}

fn boot(options: &Options, system: &System) -> Result<u8> {
    let dir = scratch_dir()?;
    let mut machine = system.write_to(dir.path())?;
    if options.gdb {
        machine.debugger = Debugger::Wait;
        let script = gdb::write_script(&system.images, dir.path())?;
        eprintln!("waiting for: gdb -x {}", script.display());
    }
    let log = dir.path().join("kernel.log");
    let interactive = options.exec.is_none();
    let outcome = match (interactive, terminal::is_interactive()) {
        (true, true) => run::on_terminal(&machine, &log, options.limit())?,
        (true, false) => run::as_filter(&machine, &log, options.limit(), Input::Stdin)?,
        (false, _) => run::as_filter(&machine, &log, options.limit(), Input::None)?,
    };
    // The run's directory goes away; its log stays until the next run.
    let kept = target_dir().join("kernel.log");
    let log = if std::fs::copy(&log, &kept).is_ok() { kept } else { log };
    report(outcome, &log);
    // On the terminal, Ctrl-A x is a way to leave like any other.
    let left = interactive && terminal::is_interactive() && outcome == Outcome::Off;
    Ok(if left { 0 } else { outcome.exit_status() })
}

/// Says on standard error what went wrong, if something did.
fn report(outcome: Outcome, log: &Path) {
    let what = match outcome {
        Outcome::Success | Outcome::Failure | Outcome::Interrupted(_) => return,
        Outcome::Loader => return eprintln!("error: {}", run::tail(log, 1)),
        Outcome::Qemu(status) => return eprintln!("error: QEMU failed (status {status})"),
        Outcome::Off if terminal::is_interactive() => return,
        Outcome::Off => "the machine went off by itself",
        Outcome::Panic => "the kernel panicked",
        Outcome::TimedOut => "the time limit passed",
    };
    eprintln!("error: {what}; the end of the kernel log ({}):\n{}", log.display(), run::tail(log, LOG_LINES));
}
