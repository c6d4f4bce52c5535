//! The kernel's own function names, copied at boot from the symbol table of its ELF file.

use alloc::vec::Vec;

use conquer_once::spin::OnceCell;
use elf::ElfBytes;
use elf::endian::LittleEndian;

use crate::symbols::{self, Function, Symbols};

/// The symbols and their names, as they lie in the file.
static TABLE: OnceCell<(Vec<u8>, Vec<u8>)> = OnceCell::uninit();

/// Why there are no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolsError {
    /// The file is not an ELF file that can be read.
    NotElf,
    /// The file was stripped.
    NoSymbols,
}

/// Copies the names of all functions out of `file`, the kernel's ELF file.
pub fn load(file: &[u8]) -> Result<(), SymbolsError> {
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|_| SymbolsError::NotElf)?;
    let places = symbols::find(file, &elf).ok_or(SymbolsError::NoSymbols)?;
    TABLE.init_once(|| (file[places.table].into(), file[places.names].into()));
    Ok(())
}

/// The function that `address` lies in.
pub fn lookup(address: u64) -> Option<Function<'static>> {
    let (table, names) = TABLE.try_get().ok()?;
    Symbols { table, names }.function_at(address)
}
