//! Commands on the files of the boot archive.
//!
//! A file goes through the shell as one block after the other, each the same memory: the archive fills it, the shell sends
//! it on to who works on it, gets it back, and sends it to the archive again.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use contracts::spec::archive::archive::{Client, ClientListing, ClientOpening, ClientReading, Open};
use contracts::spec::count::count::{ClientCounting, ClientFinishing};
use contracts::spec::digest::digest::{ClientFinishing as ClientSumming, ClientHashing};
use contracts::{Closed, ExBox, Name};
use rt::terminal::Terminal;

use crate::Shell;
use crate::failure::{Failure, no_memory};

/// Bytes in the block that a file goes through.
const PART: usize = 64 << 10;

fn gone(service: &'static str) -> impl Fn(Closed) -> Failure {
    move |Closed| Failure::Gone(service)
}

impl Shell {
    pub(super) fn ls(&mut self) -> Result<(), Failure> {
        let files = self.services.archive.request(|archive| {
            let ClientListing::Files { files, next } = archive.list().receive()?;
            Ok((next, files))
        })?;
        let width =
            files.iter().map(|file| file.size).max().unwrap_or(0).checked_ilog10().unwrap_or(0) as usize + 1;
        for file in files.iter() {
            self.say(format_args!("{:>width$} {}", file.size, crate::Shown(&file.name)));
        }
        Ok(())
    }

    pub(super) fn cat(&mut self, name: &str) -> Result<(), Failure> {
        self.each_part(name, |terminal, block, length| {
            terminal.print(block, length).map_err(|Closed| Failure::NoConsole)
        })?;
        Ok(())
    }

    /// Prints what GNU `wc` prints for one file.
    pub(super) fn wc(&mut self, name: &str) -> Result<(), Failure> {
        let mut count = Some(self.services.count.take()?);
        let size = self.each_part(name, |_, block, length| {
            let client = count.take().ok_or(Failure::Gone("count"))?;
            let ClientCounting::Counted { block, next } =
                client.part(block, length).receive().map_err(gone("count"))?;
            count = Some(next);
            Ok(block)
        });
        // Whatever became of this file: the next one starts from nothing.
        let client = count.ok_or(Failure::Gone("count"))?;
        let ClientFinishing::Totals { lines, words, bytes, next } =
            client.finish().receive().map_err(gone("count"))?;
        self.services.count.put(next);
        // Columns are as wide as the file's size.
        let width = size?.checked_ilog10().unwrap_or(0) as usize + 1;
        self.say(format_args!("{lines:>width$} {words:>width$} {bytes:>width$} {name}"));
        Ok(())
    }

    /// Prints what GNU `sha256sum` prints for one file.
    pub(super) fn sha256(&mut self, name: &str) -> Result<(), Failure> {
        let mut digest = Some(self.services.digest.take()?);
        let size = self.each_part(name, |_, block, length| {
            let client = digest.take().ok_or(Failure::Gone("digest"))?;
            let ClientHashing::Hashed { block, next } =
                client.part(block, length).receive().map_err(gone("digest"))?;
            digest = Some(next);
            Ok(block)
        });
        let client = digest.ok_or(Failure::Gone("digest"))?;
        let ClientSumming::Sum { sha256, next } = client.finish().receive().map_err(gone("digest"))?;
        self.services.digest.put(next);
        size?;
        // A name with such characters is escaped, and a backslash before the line says so.
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == name { "" } else { "\\" };
        let sum = sha256.iter().fold(String::new(), |mut sum, byte| {
            let _ = write!(sum, "{byte:02x}");
            sum
        });
        self.say(format_args!("{mark}{sum}  {escaped}"));
        Ok(())
    }

    /// Sends a file's bytes to `part`, which gives the block back for more. The file's size.
    fn each_part(
        &mut self,
        name: &str,
        mut part: impl FnMut(&mut Terminal, ExBox<[u8]>, u64) -> Result<ExBox<[u8]>, Failure>,
    ) -> Result<u64, Failure> {
        let (size, mut file) = self.open(name)?;
        let mut block = ExBox::zeroed(PART).map_err(no_memory(PART as u64))?;
        loop {
            let ClientReading::Data { buffer, length, next } =
                file.read(block).receive().map_err(gone("archive"))?;
            file = next;
            let done = match length {
                0 => Ok(None),
                _ => part(&mut self.terminal, buffer, length).map(Some),
            };
            match done.and_then(|block| self.check_interrupt().map(|()| block)) {
                Ok(Some(same)) => block = same,
                Ok(None) => {
                    self.services.archive.put(file.close());
                    return Ok(size);
                }
                Err(failure) => {
                    self.services.archive.put(file.close());
                    return Err(failure);
                }
            }
        }
    }

    /// A whole file in one block.
    pub(crate) fn read_whole(&mut self, name: &str) -> Result<ExBox<[u8]>, Failure> {
        let (size, file) = self.open(name)?;
        let block = usize::try_from(size).ok().and_then(|size| ExBox::zeroed(size).ok());
        let Some(block) = block else {
            self.services.archive.put(file.close());
            return Err(Failure::About(name.into(), format!("no memory for its {size} bytes")));
        };
        let ClientReading::Data { buffer, next, .. } = file.read(block).receive().map_err(gone("archive"))?;
        self.services.archive.put(next.close());
        Ok(buffer)
    }

    fn open(&mut self, name: &str) -> Result<(u64, Client<Open>), Failure> {
        // No file has a name that is too long for one.
        let file = Name::new(name).map_err(|_| Failure::NoSuchFile(name.into()))?;
        let archive = self.services.archive.take()?;
        match archive.open(file).receive().map_err(gone("archive"))? {
            ClientOpening::Opened { size, next } => Ok((size, next)),
            ClientOpening::NotFound { next } => {
                self.services.archive.put(next);
                Err(Failure::NoSuchFile(name.into()))
            }
        }
    }
}
