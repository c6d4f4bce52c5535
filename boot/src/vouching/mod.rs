//! Vouching: which images may be signed, since nothing in them can do what the language does not let safe code do.
//!
//! - [`rustc`] is the compiler as cargo calls it for images: this program, which has the compiler forbid unsafe code, and leaves a
//!   record of each crate (`record.rs`); `invocation.rs` understands its arguments, `diagnostic.rs` its messages, and `words.rs`
//!   finds in a crate's text what the compiler does not forbid;
//! - [`audited`] is the list of the crates that may do more, each with what it may and why;
//! - [`judge`] follows the records from an image to all that is in it.
//!
//! A crate breaks a rule without breaking the build: the images that it is in are not signed, and run in domains.

pub mod audited;
mod diagnostic;
mod invocation;
mod record;
pub mod rustc;
mod words;

use crate::guest::workspace;
use anyhow::{Context, Result, bail};
use audited::{AUDITED, Audited, May};
use record::{Place, Record};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Names by which a crate reaches the compiler's own, and no other.
const SYSROOT: [&str; 5] = ["core", "alloc", "std", "proc_macro", "test"];
/// The crate that what derives write calls by this name.
const CONTRACTS: &str = "contracts";

/// Where a cargo call left what it made.
#[derive(Clone, Debug)]
pub struct Built {
    /// The folder of the images, with their crates in `deps`.
    pub images: PathBuf,
    /// The folder of what ran on the host, with build scripts in `build`.
    pub host: PathBuf,
    /// The `Cargo.lock` that it went by.
    pub lock: PathBuf,
}

/// An entry of the list that an image needs, and for what.
pub type Need = (&'static Audited, May);

/// Whether the image `name` may be signed: what it needs of the list. An error says, for whoever built it, what is in the way.
///
/// # Errors
/// Names the first crate that breaks a rule, and how.
pub fn judge(built: &Built, name: &str) -> Result<BTreeSet<Need>> {
    check_release(&release()?)?;
    let lock =
        fs::read_to_string(&built.lock).with_context(|| format!("cannot read {}", built.lock.display()))?;
    let mut judge = Judge { built, lock: &lock, seen: BTreeSet::new(), needs: BTreeSet::new() };
    judge.follow(&of_image(built, name)?)?;
    Ok(judge.needs)
}

/// The compiler's release.
fn release() -> Result<String> {
    static RELEASE: OnceLock<String> = OnceLock::new();
    if let Some(release) = RELEASE.get() {
        return Ok(release.clone());
    }
    let output =
        Command::new("rustc").arg("-vV").current_dir(workspace()).output().context("cannot run rustc")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let release = said.lines().find_map(|line| line.strip_prefix("release: "));
    let release = release.context("the compiler does not say which it is")?;
    Ok(RELEASE.get_or_init(|| release.to_owned()).clone())
}

/// A compiler that is not stable has features of which nobody looked at what they let safe code do.
fn check_release(release: &str) -> Result<()> {
    if release.contains('-') {
        bail!("the compiler, {release}, is not a stable one");
    }
    Ok(())
}

/// The record of the crate that an image was made of: of those of its name that are the image to the byte, the last that was
/// compiled.
fn of_image(built: &Built, name: &str) -> Result<PathBuf> {
    let image = fs::read(built.images.join(name)).with_context(|| format!("cannot read the image {name}"))?;
    let stem = format!("{}-", name.replace('-', "_"));
    let mut records = records_in(&built.images.join("deps"))?;
    records.retain(|path| {
        let is_named =
            path.file_stem().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&stem));
        is_named && fs::read(path.with_extension("")).is_ok_and(|made| made == image)
    });
    let time = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    records.into_iter().max_by_key(time).context("nothing is known of how it was compiled")
}

fn records_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| record::is_record(path)).collect())
}

struct Judge<'a> {
    built: &'a Built,
    lock: &'a str,
    seen: BTreeSet<PathBuf>,
    needs: BTreeSet<Need>,
}

impl Judge<'_> {
    /// Looks at the crate of a record, and at all that is in it.
    fn follow(&mut self, path: &Path) -> Result<()> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let record = Record::read(path)?;
        self.look(&record)?;
        self.follow_uses(&record)?;
        match record.has_build_script {
            // That there is one, and which, was looked at already.
            true => self.follow_uses(&self.build_script_of(&record)?),
            false => Ok(()),
        }
    }

    fn follow_uses(&mut self, record: &Record) -> Result<()> {
        for (name, used) in &record.uses {
            if SYSROOT.contains(&name.as_str()) {
                bail!("{}: it calls another crate {name}", said(record));
            }
            if name == CONTRACTS && Record::read(used)?.folder != workspace().join(CONTRACTS) {
                bail!("{}: it calls another crate {CONTRACTS} than that of the workspace", said(record));
            }
            self.follow(used)?;
        }
        Ok(())
    }

    /// Looks at one crate.
    fn look(&mut self, record: &Record) -> Result<()> {
        if record.place == Place::Host {
            return self.need(record, May::RunOnTheHost, "it runs on this machine while images are built");
        }
        if let Some(argument) = &record.argument {
            bail!("{}: it is compiled with {argument}, which nobody expects", said(record));
        }
        if record.has_build_script {
            self.need(record, May::HaveABuildScript, "it has a build script")?;
        }
        match &record.unsafe_code {
            Some(what) => self.need(record, May::HoldUnsafeCode, &shortened(what)),
            None => Ok(()),
        }
    }

    /// Notes that an image needs an entry of the list.
    fn need(&mut self, record: &Record, what: May, why: &str) -> Result<()> {
        let mut named = AUDITED.iter().filter(|entry| entry.name == record.package);
        let entry = named.clone().find(|entry| entry.is(record, self.lock));
        match (entry, named.next()) {
            (Some(entry), _) if entry.may.contains(&what) => {
                self.needs.insert((entry, what));
                Ok(())
            }
            (Some(_), _) => bail!("{}: {why}; it is on the list, but not for that", said(record)),
            (None, Some(other)) => bail!("{}: {why}; the list has {}", said(record), other.origin),
            (None, None) => bail!("{}: {why}", said(record)),
        }
    }

    /// The record of a package's build script: the newest, since one that cargo has no use for any more stays.
    fn build_script_of(&self, record: &Record) -> Result<Record> {
        let mut newest: Option<(SystemTime, Record)> = None;
        for folder in
            fs::read_dir(self.built.host.join("build"))?.filter_map(|entry| Some(entry.ok()?.path()))
        {
            if !folder.is_dir() {
                continue;
            }
            for path in records_in(&folder)? {
                let found = Record::read(&path)?;
                let made = fs::metadata(&path)?.modified()?;
                if found.folder == record.folder && newest.as_ref().is_none_or(|(time, _)| *time < made) {
                    newest = Some((made, found));
                }
            }
        }
        let (_, found) =
            newest.with_context(|| format!("{}: nothing is known of its build script", said(record)))?;
        Ok(found)
    }
}

/// A crate, in words.
fn said(record: &Record) -> String {
    format!("{} {}", record.package, record.version)
}

/// The same words with paths of the workspace's counted from its root.
fn shortened(words: &str) -> String {
    words.replace(&format!("{}/", workspace().display()), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stable_compiler_will_do() {
        assert!(check_release("1.95.0").is_ok());
        for release in ["1.96.0-beta.1", "1.97.0-nightly", "1.97.0-dev"] {
            let error = check_release(release).expect_err("it is not stable").to_string();
            assert_eq!(error, format!("the compiler, {release}, is not a stable one"));
        }
    }

    #[test]
    fn the_list_says_of_each_crate_once_what_it_may_and_why() {
        for (at, entry) in AUDITED.iter().enumerate() {
            assert!(AUDITED[..at].iter().all(|other| other.name != entry.name), "{}", entry.name);
            assert!(!entry.may.is_empty() && !entry.why.is_empty(), "{}", entry.name);
        }
    }
}
