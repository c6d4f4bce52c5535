//! ELF files without what only a debugger reads, which is most of them.

use anyhow::{Context, Result};
use object::LittleEndian;
use object::elf::{FileHeader64, SHF_ALLOC, SHT_NULL};
use object::pod::{bytes_of, from_bytes_mut};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

type Header = FileHeader64<LittleEndian>;

/// Alignment of what follows what is loaded, in bytes.
const ALIGNMENT: usize = 8;

/// `file` without its debugging information. Everything that is loaded stays where it is, and so do the symbols and the
/// numbers of the sections.
///
/// # Errors
/// When it is no 64-bit little-endian ELF file.
pub fn without_debug_info(file: &[u8]) -> Result<Vec<u8>> {
    let endian = LittleEndian;
    let header = Header::parse(file).context("the image is not a 64-bit ELF file")?;
    let programs = header.program_headers(endian, file)?;
    let sections = header.sections(endian, file)?;
    let loaded = programs.iter().map(|program| {
        let (offset, bytes) = program.file_range(endian);
        offset + bytes
    });
    let own = size_of::<Header>() as u64;
    let loaded = usize::try_from(loaded.chain([own]).max().unwrap_or(own))?;
    let mut out = file.get(..loaded).context("the image is truncated")?.to_vec();
    let mut table = Vec::new();
    for (section, name) in sections.iter().map(|section| (section, sections.section_name(endian, section))) {
        let mut section = *section;
        if name.is_ok_and(|name| name.starts_with(b".debug") || name == b".comment") {
            section.sh_type.set(endian, SHT_NULL);
            section.sh_offset.set(endian, 0);
            section.sh_size.set(endian, 0);
        } else if !section.sh_flags(endian).contains(SHF_ALLOC) {
            // Of a section without data there is none to move.
            let data = section.data(endian, file)?;
            out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
            section.sh_offset.set(endian, out.len() as u64);
            out.extend_from_slice(data);
        }
        table.extend_from_slice(bytes_of(&section));
    }
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
    let at = out.len() as u64;
    out.extend_from_slice(&table);
    let (header, _) = from_bytes_mut::<Header>(&mut out).ok().context("the image is truncated")?;
    header.e_shoff.set(endian, at);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};

    #[test]
    fn what_is_loaded_and_the_symbols_stay_and_the_rest_goes() {
        // This test itself is as good an image as any.
        let file =
            std::fs::read(std::env::current_exe().expect("the test is a file")).expect("it can be read");
        let stripped = without_debug_info(&file).expect("it is an ELF file");
        assert!(stripped.len() * 2 < file.len(), "{} of {} bytes are left", stripped.len(), file.len());
        let (before, after) = (object::File::parse(&*file), object::File::parse(&*stripped));
        let (before, after) = (before.expect("an image"), after.expect("an image"));
        assert_eq!(before.entry(), after.entry());
        let segments = |image: &object::File<'_>| -> Vec<(u64, u64, Vec<u8>)> {
            let each = |s: object::Segment<'_, '_>| {
                // The file's own header lies in the first one, and says where the sections' headers are.
                let header = if s.file_range().0 == 0 { size_of::<Header>() } else { 0 };
                (s.address(), s.size(), s.data().expect("data")[header..].to_vec())
            };
            image.segments().map(each).collect()
        };
        assert!(segments(&before) == segments(&after), "what is loaded is the same");
        let symbols = |image: &object::File<'_>| -> Vec<(String, u64)> {
            image.symbols().map(|s| (s.name().unwrap_or("").to_owned(), s.address())).collect()
        };
        assert!(symbols(&before) == symbols(&after), "symbols are the same");
        let data = |image: &object::File<'_>, name| {
            image.section_by_name(name).map(|section| section.data().expect("data").to_vec())
        };
        assert!(
            data(&before, ".debug_info").is_some()
                && data(&after, ".debug_info").is_none_or(|d| d.is_empty())
        );
        assert!(data(&before, ".text") == data(&after, ".text"));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(without_debug_info(b"text").is_err());
        assert!(without_debug_info(&[]).is_err());
    }
}
