//! Decoding `.eh_frame`: where a function keeps what its caller had in registers.
//!
//! Only what compilers write for x86-64 is understood; of anything else nothing is said. The bytes may be anything: all
//! places are checked, all arithmetic wraps, and a look reads each byte of one entry at most once.

use super::Tables;

/// Number of the stack pointer (System V ABI, AMD64 supplement, figure 3.36).
pub(super) const RSP: u64 = 7;
/// Number of the frame pointer.
pub(super) const RBP: u64 = 6;
/// Number of the return address.
const RA: u64 = 16;
/// From the base of a frame to its return address.
pub(super) const RETURN_ADDRESS: i64 = -8;

/// What holds at one instruction of a function. The base of the frame is where the stack pointer stood before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The register that leads to the base.
    pub(super) base: u64,
    /// From that register's value to the base.
    pub(super) offset: i64,
    /// From the base to the caller's frame pointer; none if it is still in its register.
    pub(super) rbp: Option<i64>,
}

// How pointers are written (LSB Core, table 10-2 and 10-3): relative to themselves or to the header, in 32 bits.
const PCREL_SDATA4: u8 = 0x1b;
const DATAREL_SDATA4: u8 = 0x3b;
const UDATA4: u8 = 0x03;
/// The lower four bits of an encoding say how long the pointer is.
const FORM: u8 = 0x0f;

/// Rows that one may go back to, one in another.
const MOST_KEPT: usize = 4;

/// The row for the instruction at `address`; none if there is none, or if it cannot be told.
pub(super) fn row_at(tables: &Tables<'_>, address: u64) -> Option<Row> {
    let entry = Entry::read(tables, find(tables, address)?)?;
    if address.wrapping_sub(entry.start) >= entry.bytes {
        return None;
    }
    let common = entry.common;
    let mut program =
        Program { row: None, kept: [None; MOST_KEPT], depth: 0, initial: None, at: entry.start };
    program.run(common.instructions, &common, u64::MAX)?;
    program.initial = program.row;
    program.run(entry.instructions, &common, address)?;
    program.row
}

/// The entry for the last function that does not begin after `address`, by the header's sorted table.
fn find(tables: &Tables<'_>, address: u64) -> Option<u64> {
    let mut header = tables.reader(tables.header)?;
    let [version, _, count_form, table_form] = header.array()?;
    if (version, count_form, table_form) != (1, UDATA4, DATAREL_SDATA4) {
        return None;
    }
    // Where the entries begin; each line of the table says it again.
    header.array::<4>()?;
    let count = u32::from_le_bytes(header.array()?) as usize;
    let lines = header.bytes.get(..count.checked_mul(8)?)?;
    let (mut low, mut high) = (0, count);
    let line = |index: usize| {
        let mut line = Reader { bytes: lines.get(index * 8..)?, address: 0 };
        let mut absolute = || Some(tables.header.wrapping_add_signed(line.signed()?));
        Some((absolute()?, absolute()?))
    };
    while low < high {
        let middle = low + (high - low) / 2;
        if line(middle)?.0 <= address { low = middle + 1 } else { high = middle }
    }
    Some(line(low.checked_sub(1)?)?.1)
}

/// What entries have in common (a CIE).
#[derive(Clone, Copy)]
struct Common<'a> {
    code_unit: u64,
    data_unit: i64,
    instructions: Reader<'a>,
}

/// One function's entry (an FDE).
#[derive(Clone, Copy)]
struct Entry<'a> {
    common: Common<'a>,
    /// The function's first instruction.
    start: u64,
    /// Its length.
    bytes: u64,
    instructions: Reader<'a>,
}

impl<'a> Entry<'a> {
    fn read(tables: &Tables<'a>, address: u64) -> Option<Entry<'a>> {
        let mut entry = tables.reader(address)?.record()?;
        let here = entry.address;
        let back = u64::from(u32::from_le_bytes(entry.array()?));
        let common = Common::read(tables.reader(here.wrapping_sub(back))?.record()?)?;
        let here = entry.address;
        let start = here.wrapping_add_signed(entry.signed()?);
        let bytes = u64::from(u32::from_le_bytes(entry.array()?));
        let extra = entry.unsigned()?;
        entry.skip(extra)?;
        Some(Entry { common, start, bytes, instructions: entry })
    }
}

impl<'a> Common<'a> {
    fn read(mut record: Reader<'a>) -> Option<Common<'a>> {
        // An entry for a function has something else than 0 here.
        let (id, version) = (u32::from_le_bytes(record.array()?), record.byte()?);
        let end = record.bytes.iter().position(|byte| *byte == 0)?;
        let kinds = &record.bytes[..end];
        record.skip(end as u64 + 1)?;
        let (code_unit, data_unit) = (record.unsigned()?, record.signed_leb()?);
        let return_address = u64::from(record.byte()?);
        if id != 0 || version != 1 || return_address != RA || !kinds.starts_with(b"z") {
            return None;
        }
        let length = record.unsigned()?;
        let mut extra = Reader { bytes: record.bytes.get(..usize::try_from(length).ok()?)?, address: 0 };
        record.skip(length)?;
        for kind in &kinds[1..] {
            match kind {
                b'R' if extra.byte()? == PCREL_SDATA4 => {}
                b'L' => _ = extra.byte()?,
                // A function for exceptions, of which there are none.
                b'P' if extra.byte()? & FORM == PCREL_SDATA4 & FORM => _ = extra.array::<4>()?,
                b'S' => {}
                _ => return None,
            }
        }
        kinds.contains(&b'R').then_some(Common { code_unit, data_unit, instructions: record })
    }
}

/// The run of an entry's instructions, each of which changes the row for the instructions of the function from some
/// address on.
struct Program {
    row: Option<Row>,
    kept: [Option<Row>; MOST_KEPT],
    depth: usize,
    /// The row that the common instructions lead to.
    initial: Option<Row>,
    /// Where the row begins to hold.
    at: u64,
}

impl Program {
    /// Runs instructions until the row is that for `address`; none if one is not understood.
    fn run(&mut self, instructions: Reader<'_>, common: &Common<'_>, address: u64) -> Option<()> {
        let mut instructions = instructions;
        while !instructions.bytes.is_empty() {
            let instruction = instructions.byte()?;
            let low = u64::from(instruction & 0x3f);
            // DWARF 5, 6.4.2 and 7.24.
            match instruction {
                0x40..=0x7f => self.advance(low, common),
                0x80..=0xbf => self.save(low, instructions.unsigned()? as i64, common)?,
                0xc0..=0xff => self.restore(low)?,
                // DW_CFA_nop
                0x00 => {}
                // DW_CFA_advance_loc1, 2, 4
                0x02 => self.advance(u64::from(instructions.byte()?), common),
                0x03 => self.advance(u64::from(u16::from_le_bytes(instructions.array()?)), common),
                0x04 => self.advance(u64::from(u32::from_le_bytes(instructions.array()?)), common),
                // DW_CFA_offset_extended, restore_extended
                0x05 => {
                    let register = instructions.unsigned()?;
                    self.save(register, instructions.unsigned()? as i64, common)?;
                }
                0x06 => self.restore(instructions.unsigned()?)?,
                // DW_CFA_undefined, same_value
                0x07 | 0x08 => match instructions.unsigned()? {
                    RBP => self.row.as_mut()?.rbp = None,
                    // The outermost function has no caller.
                    RA => return None,
                    _ => {}
                },
                // DW_CFA_remember_state, restore_state
                0x0a => {
                    *self.kept.get_mut(self.depth)? = self.row;
                    self.depth += 1;
                }
                0x0b => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.row = self.kept[self.depth];
                }
                // DW_CFA_def_cfa, def_cfa_register, def_cfa_offset
                0x0c => {
                    let (base, offset) = (instructions.unsigned()?, instructions.unsigned()? as i64);
                    self.row = Some(Row { base, offset, rbp: self.row.and_then(|row| row.rbp) });
                }
                0x0d => self.row.as_mut()?.base = instructions.unsigned()?,
                0x0e => self.row.as_mut()?.offset = instructions.unsigned()? as i64,
                // DW_CFA_GNU_args_size, which changes nothing.
                0x2e => _ = instructions.unsigned()?,
                _ => return None,
            }
            // What comes next holds beyond the instruction that is asked for.
            if self.at > address {
                break;
            }
        }
        Some(())
    }

    fn advance(&mut self, units: u64, common: &Common<'_>) {
        self.at = self.at.wrapping_add(units.wrapping_mul(common.code_unit));
    }

    fn save(&mut self, register: u64, units: i64, common: &Common<'_>) -> Option<()> {
        let offset = units.wrapping_mul(common.data_unit);
        match register {
            RBP => self.row.as_mut()?.rbp = Some(offset),
            RA if offset != RETURN_ADDRESS => return None,
            _ => {}
        }
        Some(())
    }

    fn restore(&mut self, register: u64) -> Option<()> {
        if register == RBP {
            self.row.as_mut()?.rbp = self.initial?.rbp;
        }
        Some(())
    }
}

/// Bytes still to be read, and where they lie, as the image counts addresses.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    address: u64,
}

impl<'a> Tables<'a> {
    /// Everything from `address` on.
    fn reader(&self, address: u64) -> Option<Reader<'a>> {
        let offset = usize::try_from(address.checked_sub(self.address)?).ok()?;
        Some(Reader { bytes: self.bytes.get(offset..)?, address })
    }
}

impl<'a> Reader<'a> {
    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(bytes).ok()?..)?;
        self.address = self.address.wrapping_add(bytes);
        Some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = *self.bytes.first_chunk()?;
        self.skip(N as u64)?;
        Some(array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A number of 32 bits.
    fn signed(&mut self) -> Option<i64> {
        self.array().map(|bytes| i64::from(i32::from_le_bytes(bytes)))
    }

    /// A number of seven bits a byte, and whether bit 6 of its last byte is set, and the bits there were.
    fn leb(&mut self) -> Option<(u64, bool, u32)> {
        let (mut number, mut bits) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(bits).filter(|_| bits < u64::BITS)?;
            bits += 7;
            if byte & 0x80 == 0 {
                return Some((number, byte & 0x40 != 0, bits));
            }
        }
    }

    fn unsigned(&mut self) -> Option<u64> {
        self.leb().map(|(number, ..)| number)
    }

    fn signed_leb(&mut self) -> Option<i64> {
        let (number, is_negative, bits) = self.leb()?;
        let above = if is_negative { u64::MAX.checked_shl(bits).unwrap_or(0) } else { 0 };
        Some((number | above) as i64)
    }

    /// A length and as many bytes.
    fn record(&mut self) -> Option<Reader<'a>> {
        let length = u64::from(u32::from_le_bytes(self.array()?));
        // 0 ends the entries; the greatest number announces a length of 64 bits, which nobody needs here.
        let bytes = self.bytes.get(..usize::try_from(length).ok()?).filter(|_| length != 0)?;
        Some(Reader { bytes, address: self.address })
    }
}

#[cfg(test)]
mod tests {
    use gimli::{
        BaseAddresses, CfaRule, EhFrame, EndianSlice, LittleEndian, Register, RegisterRule, UnwindSection,
        X86_64,
    };

    use super::super::tests::with_own_tables;
    use super::*;

    /// What another decoder says of the same tables: each row with the addresses for which it holds.
    fn rows_by_gimli(tables: &Tables<'_>, mut each: impl FnMut(u64, u64, Option<Row>)) {
        let mut header = tables.reader(tables.header).unwrap();
        header.skip(4).unwrap();
        let frames = tables.header.wrapping_add(4).wrapping_add_signed(header.signed().unwrap());
        let bytes = tables.reader(frames).unwrap().bytes;
        let frames_section: EhFrame<EndianSlice<'_, LittleEndian>> = EhFrame::new(bytes, LittleEndian);
        let bases = BaseAddresses::default().set_eh_frame(frames);
        let mut context = gimli::UnwindContext::new();
        let mut entries = frames_section.entries(&bases);
        while let Ok(Some(entry)) = entries.next() {
            let gimli::CieOrFde::Fde(entry) = entry else { continue };
            let entry = entry.parse(EhFrame::cie_from_offset).unwrap();
            let mut table = entry.rows(&frames_section, &bases, &mut context).unwrap();
            while let Some(row) = table.next_row().unwrap() {
                let CfaRule::RegisterAndOffset { register: Register(base), offset } = *row.cfa() else {
                    continue;
                };
                let is_called = row.register(X86_64::RA) == Some(RegisterRule::Offset(RETURN_ADDRESS));
                let rbp = match row.register(X86_64::RBP) {
                    Some(RegisterRule::Offset(offset)) => Some(offset),
                    _ => None,
                };
                let known = is_called.then_some(Row { base: u64::from(base), offset, rbp });
                each(row.start_address(), row.end_address(), known);
            }
        }
    }

    #[test]
    fn rows_are_what_another_decoder_finds() {
        with_own_tables(|tables| {
            let mut rows = 0;
            rows_by_gimli(tables, |start, end, row| {
                rows += 1;
                // The first and the last address of a row, for each of some.
                if rows % 11 == 0 && end > start {
                    assert_eq!(row_at(tables, start), row, "{start:#x}");
                    assert_eq!(row_at(tables, end - 1), row, "{:#x}", end - 1);
                }
            });
            assert!(rows > 10_000, "{rows}");
        });
    }
}
