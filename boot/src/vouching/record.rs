//! What is known of a crate once it was compiled: a file beside what the compiler made, one for each time that it was.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// How the names of records' files end.
const EXTENSION: &str = "vouching";

/// What is known of a crate that was compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Its package's name.
    pub(super) package: String,
    /// Its package's version.
    pub(super) version: String,
    /// Its package's folder.
    pub(super) folder: PathBuf,
    /// Where its code runs.
    pub(super) place: Place,
    /// What is unsafe in it, or could not be checked: in words, with the place; none if there is nothing.
    pub(super) unsafe_code: Option<String>,
    /// Whether its package has a build script, which was run.
    pub(super) has_build_script: bool,
    /// An argument of the compiler's that is none of those expected.
    pub(super) argument: Option<String>,
    /// The crates that it names, by the names that it has for them, and the records of those.
    pub(super) uses: Vec<(String, PathBuf)>,
}

/// Where a crate's code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// In an image.
    Image,
    /// On the host, while images are built: a macro, a build script, or what one of these uses.
    Host,
}

impl Record {
    /// Reads the record at `path`.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        postcard::from_bytes(&bytes).with_context(|| format!("{} is damaged", path.display()))
    }

    /// Writes it to `path`, in place of one that may be there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
        file.write_all(&postcard::to_allocvec(self)?)?;
        file.persist(path)?;
        Ok(())
    }
}

/// The place of the record of the crate that the compiler makes as `stem` (the crate's name, and what tells it from others
/// of that name) in `folder`.
pub(super) fn path(folder: &Path, stem: &str) -> PathBuf {
    folder.join(format!("{stem}.{EXTENSION}"))
}

/// The place of the record of a library, from that of what the compiler made of it.
pub(super) fn path_of_library(library: &Path) -> Option<PathBuf> {
    let stem = library.file_stem()?.to_str()?;
    Some(path(library.parent()?, stem.strip_prefix("lib")?))
}

/// Whether a file is a record.
pub(super) fn is_record(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == EXTENSION)
}
