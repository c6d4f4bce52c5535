//! The kernel's own function names, copied at boot from the symbol table of its ELF file.

use alloc::boxed::Box;
use alloc::vec::Vec;

use conquer_once::spin::OnceCell;
use elf::ElfBytes;
use elf::endian::LittleEndian;

/// A function of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// Its name as the linker knows it.
    pub name: &'static str,
    /// Address of its first instruction.
    pub address: u64,
}

struct Function {
    address: u64,
    size: u32,
    name: u32,
}

struct Table {
    /// Sorted by address.
    functions: Box<[Function]>,
    names: Box<[u8]>,
}

static TABLE: OnceCell<Table> = OnceCell::uninit();

/// Why there are no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolsError {
    /// The file is not an ELF file that can be read.
    NotElf,
    /// The file was stripped.
    NoSymbols,
}

/// Copies the names of all functions out of `file`, the kernel's ELF file. Returns how many there are.
pub fn load(file: &[u8]) -> Result<usize, SymbolsError> {
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(|_| SymbolsError::NotElf)?;
    let (symbols, _) =
        elf.symbol_table().map_err(|_| SymbolsError::NotElf)?.ok_or(SymbolsError::NoSymbols)?;
    let section = elf
        .section_headers()
        .and_then(|headers| headers.iter().find(|header| header.sh_type == elf::abi::SHT_SYMTAB))
        .ok_or(SymbolsError::NoSymbols)?;
    let names = elf
        .section_headers()
        .and_then(|headers| headers.get(section.sh_link as usize).ok())
        .and_then(|header| elf.section_data(&header).ok())
        .ok_or(SymbolsError::NoSymbols)?
        .0;
    let mut functions: Vec<Function> = symbols
        .iter()
        .filter(|symbol| symbol.st_symtype() == elf::abi::STT_FUNC && symbol.st_value != 0)
        .map(|symbol| Function {
            address: symbol.st_value,
            size: symbol.st_size as u32,
            name: symbol.st_name,
        })
        .collect();
    functions.sort_unstable_by_key(|function| function.address);
    let count = functions.len();
    TABLE.init_once(|| Table { functions: functions.into(), names: names.into() });
    Ok(count)
}

/// The function that `address` lies in.
pub fn lookup(address: u64) -> Option<Symbol> {
    let table: &'static Table = TABLE.try_get().ok()?;
    let after = table.functions.partition_point(|function| function.address <= address);
    let function = table.functions.get(after.checked_sub(1)?)?;
    if address - function.address >= u64::from(function.size.max(1)) {
        return None;
    }
    let name = table.names.get(function.name as usize..)?;
    let name = &name[..name.iter().position(|&byte| byte == 0)?];
    Some(Symbol { name: core::str::from_utf8(name).ok()?, address: function.address })
}
