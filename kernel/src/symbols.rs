//! Names of functions, as the linker left them in an ELF file. Plain parsing, tested on the host.

use core::ops::Range;

use elf::ElfBytes;
use elf::abi::{SHT_SYMTAB, STT_FUNC};
use elf::endian::LittleEndian;

/// Where in an ELF file its symbols lie, and their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The symbols.
    pub table: Range<usize>,
    /// Their names.
    pub names: Range<usize>,
}

/// Finds the symbols in `file`; none if it was stripped, or if they do not lie in it.
pub fn find(file: &[u8], elf: &ElfBytes<'_, LittleEndian>) -> Option<Places> {
    let headers = elf.section_headers()?;
    let table = headers.iter().find(|header| header.sh_type == SHT_SYMTAB)?;
    let names = headers.get(table.sh_link as usize).ok()?;
    let place = |offset: u64, bytes: u64| {
        let end = offset.checked_add(bytes).filter(|end| *end <= file.len() as u64)?;
        Some(offset as usize..end as usize)
    };
    Some(Places {
        table: place(table.sh_offset, table.sh_size)?,
        names: place(names.sh_offset, names.sh_size)?,
    })
}

/// Symbols and their names, as they lie in the file: looked at so seldom that sorting them would not pay.
#[derive(Clone, Copy, Debug)]
pub struct Symbols<'a> {
    /// What lies at [`Places::table`].
    pub table: &'a [u8],
    /// What lies at [`Places::names`].
    pub names: &'a [u8],
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name as the linker knows it.
    pub name: &'a str,
    /// Address of its first instruction.
    pub address: u64,
}

// An entry of the table (System V gABI, chapter 4, Elf64_Sym): the name comes first. Decoded here, because it is a fifth of
// the instructions of going through the table by the parser, of which most are spent on entries that are passed over.
const SYMBOL_BYTES: usize = 24;
const SYMBOL_INFO: usize = 4;
const SYMBOL_VALUE: usize = 8;
const SYMBOL_SIZE: usize = 16;

fn word(symbol: &[u8; SYMBOL_BYTES], offset: usize) -> u64 {
    let bytes = symbol[offset..].first_chunk().expect("the fields lie in the entry");
    u64::from_le_bytes(*bytes)
}

impl<'a> Symbols<'a> {
    /// The function that `address` lies in.
    pub fn function_at(&self, address: u64) -> Option<Function<'a>> {
        let mut symbols = self.table.as_chunks::<SYMBOL_BYTES>().0.iter();
        let symbol = symbols.find(|symbol| {
            let (start, bytes) = (word(symbol, SYMBOL_VALUE), word(symbol, SYMBOL_SIZE));
            let lies_in = address.checked_sub(start).is_some_and(|at| at < bytes.max(1));
            lies_in && start != 0 && symbol[SYMBOL_INFO] & 0xf == STT_FUNC
        })?;
        let name = u32::from_le_bytes([symbol[0], symbol[1], symbol[2], symbol[3]]);
        let name = self.names.get(name as usize..)?;
        let name = &name[..name.iter().position(|byte| *byte == 0)?];
        Some(Function { name: core::str::from_utf8(name).ok()?, address: word(symbol, SYMBOL_VALUE) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This program, and its symbols.
    fn with_own_symbols(act: impl FnOnce(&[u8], &ElfBytes<'_, LittleEndian>, Symbols<'_>)) {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = ElfBytes::<LittleEndian>::minimal_parse(&file).unwrap();
        let places = find(&file, &elf).unwrap();
        act(&file, &elf, Symbols { table: &file[places.table], names: &file[places.names] });
    }

    #[test]
    fn every_address_in_a_function_leads_to_it() {
        with_own_symbols(|_, elf, symbols| {
            let (table, names) = elf.symbol_table().unwrap().unwrap();
            let is_function = |s: &elf::symbol::Symbol| s.st_symtype() == STT_FUNC && s.st_size > 0;
            let functions = table.iter().filter(|s| is_function(s) && s.st_value != 0);
            let mut seen = 0;
            for function in functions.step_by(37) {
                let found = symbols.function_at(function.st_value).unwrap();
                assert_eq!(found.address, function.st_value);
                // Another name for the same function may come first.
                let is_there = |s: elf::symbol::Symbol| {
                    s.st_value == found.address && names.get(s.st_name as usize).ok() == Some(found.name)
                };
                assert!(table.iter().any(is_there), "{found:?}");
                assert_eq!(symbols.function_at(function.st_value + function.st_size - 1), Some(found));
                seen += 1;
            }
            assert!(seen > 50);
        });
    }

    #[test]
    fn what_has_no_name_or_no_table_leads_nowhere() {
        with_own_symbols(|file, elf, symbols| {
            let function = symbols.function_at(elf.ehdr.e_entry).unwrap();
            assert_eq!(symbols.function_at(u64::MAX), None);
            let nameless = Symbols { names: &[], ..symbols };
            assert_eq!(nameless.function_at(function.address), None);
            let half = &file[..file.len() / 2];
            assert_eq!(find(half, elf), None, "they do not lie in what is left of the file");
        });
    }
}
