//! The boot archive: one ustar tar with the kernel, the wiring, the SIPs and the user's files.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Longest name of an entry, in bytes: the name field of a ustar header.
pub const MAX_NAME: usize = 100;
const BLOCK: u64 = 512;

/// Where an entry's content comes from.
#[derive(Clone, Debug)]
enum Content {
    Bytes(Vec<u8>),
    File { path: PathBuf, bytes: u64 },
}

/// An archive in the making: entries in order, no name twice.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    entries: Vec<(String, Content)>,
}

/// Why a host file cannot go into the archive.
#[derive(Debug)]
pub enum FileError {
    /// The file cannot be opened.
    Unreadable(PathBuf, io::Error),
    /// It is a directory, a device or a pipe.
    NotAFile(PathBuf),
    /// It has no base name, or one that is not UTF-8.
    NoName(PathBuf),
    /// Its base name is longer than [`MAX_NAME`].
    LongName(PathBuf),
    /// Another file has the same base name.
    Twice(PathBuf),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            FileError::NotAFile(path) => write!(f, "{}: not a regular file", path.display()),
            FileError::NoName(path) => write!(f, "{}: its base name is not UTF-8 text", path.display()),
            FileError::LongName(path) => {
                write!(f, "{}: its base name is longer than {MAX_NAME} bytes", path.display())
            }
            FileError::Twice(path) => {
                write!(f, "{}: another file has the same base name", path.display())
            }
        }
    }
}

impl std::error::Error for FileError {}

impl Archive {
    /// Sets the entry `name` to `bytes`, in place of an entry of that name if there is one.
    ///
    /// # Panics
    /// When the name is longer than [`MAX_NAME`] bytes.
    pub fn set(&mut self, name: &str, bytes: Vec<u8>) {
        self.put(name, Content::Bytes(bytes));
    }

    /// Sets the entry `name` to the content of the file at `path`, read when the archive is written.
    ///
    /// # Errors
    /// When the file cannot be read or is no regular file.
    ///
    /// # Panics
    /// When the name is longer than [`MAX_NAME`] bytes.
    pub fn set_file(&mut self, name: &str, path: &Path) -> Result<(), FileError> {
        let unreadable = |error| FileError::Unreadable(path.to_owned(), error);
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(FileError::NotAFile(path.to_owned()));
        }
        File::open(path).map_err(unreadable)?;
        self.put(name, Content::File { path: path.to_owned(), bytes: metadata.len() });
        Ok(())
    }

    /// Adds a user's file under its base name.
    ///
    /// # Errors
    /// When the file cannot be added; see [`FileError`].
    pub fn add_file(&mut self, path: &Path) -> Result<(), FileError> {
        let name = path.file_name().and_then(|name| name.to_str());
        // Opened first: a wrong path is better named as missing than as badly named.
        let mut probe = Archive::default();
        probe.set_file("probe", path)?;
        let name = name.ok_or_else(|| FileError::NoName(path.to_owned()))?;
        if name.len() > MAX_NAME {
            return Err(FileError::LongName(path.to_owned()));
        }
        if self.contains(name) {
            return Err(FileError::Twice(path.to_owned()));
        }
        self.set_file(name, path)
    }

    /// Removes the entry `name`, if there is one.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|(other, _)| other != name);
    }

    /// Whether there is an entry `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.iter().any(|(other, _)| other == name)
    }

    /// The entry with the most content: its name and bytes.
    pub fn largest(&self) -> Option<(&str, u64)> {
        let sizes = self.entries.iter().map(|(name, content)| (name.as_str(), content.bytes()));
        sizes.max_by_key(|(_, bytes)| *bytes)
    }

    /// Bytes of the archive when written.
    pub fn bytes(&self) -> u64 {
        let entries = self.entries.iter().map(|(_, content)| BLOCK + content.bytes().next_multiple_of(BLOCK));
        entries.sum::<u64>() + 2 * BLOCK
    }

    /// Writes the archive to `path`.
    ///
    /// # Errors
    /// When the archive cannot be written, or a file cannot be read or is shorter than it was when added.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        self.write_to(BufWriter::with_capacity(1 << 20, File::create(path)?))
    }

    fn write_to(&self, to: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(to);
        for (name, content) in &self.entries {
            let mut header = tar::Header::new_ustar();
            header.set_path(name)?;
            header.set_mode(0o644);
            header.set_size(content.bytes());
            header.set_cksum();
            match content {
                Content::Bytes(bytes) => tar.append(&header, bytes.as_slice())?,
                Content::File { path, bytes } => {
                    let context = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
                    let file = Counted { file: File::open(path).map_err(context)?, left: *bytes };
                    tar.append(&header, file).map_err(context)?;
                }
            }
        }
        tar.into_inner()?.flush()
    }

    fn put(&mut self, name: &str, content: Content) {
        assert!(name.len() <= MAX_NAME, "entry name {name} is too long");
        match self.entries.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => *old = content,
            None => self.entries.push((name.to_owned(), content)),
        }
    }
}

impl Content {
    fn bytes(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File { bytes, .. } => *bytes,
        }
    }
}

/// Exactly as many bytes of a file as its header announces, also if the file grew; an error if it shrank.
struct Counted {
    file: File,
    left: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it became shorter while it was packed",
            ));
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(archive: &Archive) -> Vec<u8> {
        let mut bytes = Vec::new();
        archive.write_to(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_packed_comes_out_in_order_under_its_base_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.bin");
        let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        std::fs::write(&path, &content).unwrap();
        let mut archive = Archive::default();
        archive.set("boot/kernel", b"kernel".to_vec());
        archive.add_file(&path).unwrap();
        archive.set("boot/kernel", b"other".to_vec());
        archive.set("empty", Vec::new());
        let bytes = written(&archive);
        assert_eq!(bytes.len() as u64, archive.bytes());
        let mut tar = tar::Archive::new(bytes.as_slice());
        let entries: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).unwrap();
                (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
            })
            .collect();
        let expected = [("boot/kernel", b"other".to_vec()), ("data.bin", content), ("empty", vec![])];
        assert_eq!(entries, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    }

    #[test]
    fn a_file_that_cannot_be_added_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("a"), b"x").unwrap();
        std::fs::create_dir(path("sub")).unwrap();
        std::fs::write(path("sub").join("a"), b"y").unwrap();
        let long = path(&"n".repeat(MAX_NAME + 1));
        std::fs::write(&long, b"").unwrap();
        let fits = path(&"n".repeat(MAX_NAME));
        std::fs::write(&fits, b"").unwrap();

        let mut archive = Archive::default();
        archive.add_file(&path("a")).unwrap();
        archive.add_file(&fits).unwrap();
        assert!(matches!(archive.add_file(&path("sub").join("a")), Err(FileError::Twice(_))));
        assert!(matches!(archive.add_file(&path("sub")), Err(FileError::NotAFile(_))));
        assert!(matches!(archive.add_file(&long), Err(FileError::LongName(_))));
        let missing = archive.add_file(&path("missing")).unwrap_err();
        assert!(missing.to_string().contains("missing: No such file"), "{missing}");
        written(&archive);
    }

    #[test]
    fn a_file_that_shrinks_while_it_is_packed_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 1000]).unwrap();
        let mut archive = Archive::default();
        archive.set_file("f", file.path()).unwrap();
        std::fs::write(file.path(), vec![1; 999]).unwrap();
        let error = archive.write_to(Vec::new()).unwrap_err();
        assert!(error.to_string().contains("shorter"), "{error}");
    }
}
