//! Files of the boot archive.

use contracts::spec::archive::archive::{Client, ClientOpening, ClientReading, Ready};
use contracts::{ExBox, Name};

use crate::trouble::Trouble;

/// The whole file `name`.
///
/// # Errors
/// When there is no such file, no memory for it, or nobody who reads it.
pub fn read(archive: Client<Ready>, name: &str) -> Result<(Client<Ready>, ExBox<[u8]>), Trouble> {
    let (file, size) = match archive.open(Name::truncated(name)).receive()? {
        ClientOpening::Opened { size, next } => (next, size),
        ClientOpening::NotFound { .. } => return Err(Trouble::Wrong("there is no such file")),
    };
    let ClientReading::Data { buffer, next, .. } = file.read(ExBox::zeroed(size as usize)?).receive()?;
    Ok((next.close(), buffer))
}
