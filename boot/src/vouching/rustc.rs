//! The compiler as cargo calls it for images: this program, which calls the compiler, and writes down what is to be known of
//! each crate.
//!
//! A crate for images in whose text no unsafe code can hide (`words.rs`) is compiled with unsafe code forbidden, and without the cap
//! that cargo puts on the lints of what does not lie in the workspace: under it `forbid` does nothing. If it does not compile
//! so, it is compiled as cargo says. Either way its record says which it was.

use super::diagnostic::Held;
use super::invocation::{self, Invocation};
use super::record::{self, Place, Record};
use super::words;
use crate::guest::RUSTFLAGS;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::{env, fs};

/// The variable that makes this program the compiler.
pub const VARIABLE: &str = "ENTENTE_VOUCHING";
/// What decides what this program does here: cargo compiles anew what another version of it compiled.
const SOURCES: [&str; 5] = [
    include_str!("diagnostic.rs"),
    include_str!("invocation.rs"),
    include_str!("record.rs"),
    include_str!("rustc.rs"),
    include_str!("words.rs"),
];

/// Does what the compiler should, if it was called for that: returns its exit status. None if it was not.
pub fn run() -> Option<ExitCode> {
    env::var_os(VARIABLE)?;
    let mut arguments = env::args_os().skip(1);
    let compiler = Compiler { program: arguments.next()?, arguments: arguments.collect() };
    let status = compiler.run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        2
    });
    Some(ExitCode::from(status))
}

/// The compiler, and what cargo wants of it.
struct Compiler {
    program: OsString,
    arguments: Vec<OsString>,
}

impl Compiler {
    /// Returns an exit status.
    fn run(&self) -> Result<u8> {
        if self.arguments == ["-vV"] {
            return self.version();
        }
        match Invocation::read(&self.arguments, RUSTFLAGS) {
            Some(call) => self.compile(&call),
            None => self.as_it_is(),
        }
    }

    /// Says which version it is, and this program's, in a line that cargo does not know. It remembers what was compiled by all
    /// of these lines.
    fn version(&self) -> Result<u8> {
        let mut hasher = DefaultHasher::new();
        SOURCES.hash(&mut hasher);
        let status = self.as_it_is()?;
        println!("vouching: {:016x}", hasher.finish());
        Ok(status)
    }

    /// Makes a crate, and its record.
    fn compile(&self, call: &Invocation) -> Result<u8> {
        let path = call.record();
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
        let (status, unsafe_code) = match call.place() {
            Place::Image => self.check(call)?,
            Place::Host => (self.as_it_is()?, None),
        };
        if status == 0 {
            record_of(call, unsafe_code)?
                .write(&path)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(status)
    }

    /// Makes a crate, with unsafe code forbidden if that can be. Also returns what is unsafe in it, in words.
    fn check(&self, call: &Invocation) -> Result<(u8, Option<String>)> {
        if let Some(word) = words::find_below(call.root.parent().unwrap_or(&call.root)) {
            return Ok((self.as_it_is()?, Some(word)));
        }
        let (status, error) = self.forbidding(call)?;
        if status != 0 {
            // If it does not compile in any case, it says now why.
            let why = error.unwrap_or_else(|| "it does not compile with unsafe code forbidden".to_owned());
            return Ok((self.as_it_is()?, Some(why)));
        }
        let list = call.sources();
        let text = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let sources = invocation::sources(&text, &env::current_dir()?);
        Ok((0, sources.iter().find_map(|source| words::find(source))))
    }

    /// Calls the compiler as cargo says.
    fn as_it_is(&self) -> Result<u8> {
        Ok(code(self.command(&self.arguments).status().context("cannot run the compiler")?))
    }

    /// Calls the compiler with unsafe code forbidden. If that fails, nobody has heard of it but the caller, who gets the first
    /// error, in words.
    fn forbidding(&self, call: &Invocation) -> Result<(u8, Option<String>)> {
        let mut arguments = call.without_cap(&self.arguments);
        if call.is_capped {
            // As under the cap, but for what is denied or forbidden.
            arguments.push("-Awarnings".into());
        }
        arguments.push("-Funsafe_code".into());
        let mut compiler =
            self.command(&arguments).stderr(Stdio::piped()).spawn().context("cannot run the compiler")?;
        let messages = BufReader::new(compiler.stderr.take().context("the compiler has no messages")?);
        let mut held = Held::new();
        for line in messages.lines() {
            held.take(line.context("the compiler's messages cannot be read")?);
        }
        let status = code(compiler.wait().context("cannot wait for the compiler")?);
        if status == 0 {
            held.release();
        }
        Ok((status, held.error().map(str::to_owned)))
    }

    fn command(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.program);
        // The first would let a stable compiler take what is not stable.
        command.args(arguments).env_remove("RUSTC_BOOTSTRAP").env_remove(VARIABLE);
        command
    }
}

/// The exit status to pass on.
fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// What is to be known of a crate that was made, of which cargo says the rest by variables.
fn record_of(call: &Invocation, unsafe_code: Option<String>) -> Result<Record> {
    let variable = |name: &str| env::var(name).with_context(|| format!("cargo does not say {name}"));
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = env::current_dir()?.join(&call.root);
    let is_outside = !root.starts_with(&folder);
    let astray = is_outside.then(|| format!("{}, which lies outside of its package", root.display()));
    // A file that is no library has no record, and will be missed.
    let used = |path: &PathBuf| record::path_of_library(path).unwrap_or_else(|| path.clone());
    Ok(Record {
        package: variable("CARGO_PKG_NAME")?,
        version: variable("CARGO_PKG_VERSION")?,
        folder,
        place: call.place(),
        unsafe_code,
        has_build_script: env::var_os("OUT_DIR").is_some(),
        argument: call.unexpected.clone().or(astray),
        uses: call.uses.iter().map(|(name, path)| (name.clone(), used(path))).collect(),
    })
}
