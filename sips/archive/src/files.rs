//! The files of a tar archive in memory.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use contracts::spec::archive::FileInfo;
use contracts::{ExBox, Name};
use tar_no_std::TarArchiveRef;

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What clients see.
    pub info: FileInfo,
    /// Where its bytes lie in the archive.
    pub range: Range<usize>,
}

/// What is wrong with an archive or with one of its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is no tar archive, or a damaged one.
    NotATar(String),
    /// A name that is not UTF-8 or longer than [`Name`] allows.
    Name(String),
    /// A second file of the same name, which cannot be reached.
    Twice(Name),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NotATar(reason) => {
                write!(f, "the boot archive is not a tar: {reason}; there are no files")
            }
            Trouble::Name(name) => write!(f, "the boot archive's file '{name}' is left out: bad name"),
            Trouble::Twice(name) => write!(f, "the boot archive has two files '{name}'; the first is served"),
        }
    }
}

/// The files of an archive.
///
/// Each file's range lies within the archive, and no two files have the same name.
#[derive(Debug)]
pub struct Files {
    image: Option<ExBox<[u8]>>,
    list: Vec<File>,
    troubles: Vec<Trouble>,
}

impl Files {
    /// No files.
    pub fn none() -> Self {
        Files { image: None, list: Vec::new(), troubles: Vec::new() }
    }

    /// The files of the archive in `image`. What is wrong is said by [`Files::troubles`]; all else is served.
    pub fn parse(image: ExBox<[u8]>) -> Self {
        let mut files = Files::none();
        match TarArchiveRef::new(&image) {
            Ok(archive) => archive.entries().for_each(|entry| {
                let name = entry.filename();
                let name = name
                    .as_str()
                    .ok()
                    .and_then(|name| Name::new(name).ok())
                    .ok_or_else(|| format!("{name:?}"));
                files.add(name, entry.data().as_ptr() as usize - image.address(), entry.size());
            }),
            Err(error) => files.troubles.push(Trouble::NotATar(error.to_string())),
        }
        files.image = Some(image);
        files
    }

    fn add(&mut self, name: Result<Name, String>, start: usize, size: usize) {
        match name {
            Err(name) => self.troubles.push(Trouble::Name(name)),
            Ok(name) if self.find(&name).is_some() => self.troubles.push(Trouble::Twice(name)),
            Ok(name) => {
                let info = FileInfo { name, size: size as u64 };
                self.list.push(File { info, range: start..start + size });
            }
        }
    }

    /// The archive.
    pub fn bytes(&self) -> &[u8] {
        self.image.as_deref().unwrap_or(&[])
    }

    /// All files, in the archive's order.
    pub fn list(&self) -> &[File] {
        &self.list
    }

    /// The file of this name.
    pub fn find(&self, name: &str) -> Option<&File> {
        self.list.iter().find(|file| file.info.name.as_str() == name)
    }

    /// What is wrong with the archive.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}
