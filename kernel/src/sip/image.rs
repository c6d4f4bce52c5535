//! Image files: what the loader accepts, and where its parts go. Plain parsing, tested on the host.
//!
//! An image is a static position-independent ELF file for x86-64 with a manifest section. Its segments are
//! readable, writable, or executable, and never both of the latter; its only relocations are
//! `R_X86_64_RELATIVE`, into writable segments. (System V ABI, AMD64 supplement, chapter 4)

use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use contracts::abi;
use contracts::manifest::{Manifest, NoSuchPriority, SECTION};
use contracts::signature::{SEAL_BYTES, Sealed};
use elf::ElfBytes;
use elf::abi::{
    DT_NEEDED, EM_X86_64, ET_DYN, PF_W, PF_X, PT_GNU_EH_FRAME, PT_INTERP, PT_LOAD, R_X86_64_RELATIVE,
    SHN_XINDEX, SHT_DYNAMIC, SHT_RELA,
};
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::parse::ParseError;

use crate::memory::PAGE_SIZE;
use crate::memory::mapping::Access;
use crate::symbols::{self, Places};

/// The most that an image may span in memory, in bytes.
pub const MOST_BYTES: u64 = 256 << 20;
/// The largest stack that a manifest may ask for, in bytes.
pub const MOST_STACK_BYTES: u32 = 16 << 20;
/// Bytes of the header that a 64-bit ELF file begins with.
const FILE_HEADER_BYTES: u64 = 64;

/// An image file that the loader accepts.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// What it needs and offers.
    pub manifest: Manifest,
    /// Its segments, in ascending order, none overlapping another's pages.
    pub segments: Vec<Segment<'a>>,
    /// What to add the load address to.
    pub relocations: Vec<Relocation>,
    /// Where it starts, from the load address.
    pub entry: u64,
    /// Pages from the load address to the end of the last segment.
    pub pages: usize,
    /// Where its symbols lie in the file, if it has any.
    pub symbols: Option<Places>,
    /// Where the header of the tables lies that say how its functions save registers, from the load address, if it has
    /// such.
    pub unwind: Option<u64>,
    /// The bytes of the file, beside those of the segments and the symbols, that any of this follows from, and whether it
    /// bears a signature; all other bytes, if it bears one. A file of the same length that has the same bytes in all of
    /// these places is the same image.
    pub rest: Vec<Range<usize>>,
}

/// One loadable segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Bytes from the load address.
    pub offset: u64,
    /// Where its data begins in the file.
    pub file_offset: usize,
    /// What lies at its start; the rest is zeros.
    pub data: &'a [u8],
    /// Bytes in memory.
    pub bytes: u64,
    /// What the image may do with it once it is loaded.
    pub access: Access,
}

impl Segment<'_> {
    /// The segment's first page, counted from the load address, and the page past its last one.
    pub fn pages(&self) -> (usize, usize) {
        let page = PAGE_SIZE as u64;
        ((self.offset / page) as usize, (self.offset + self.bytes).div_ceil(page) as usize)
    }

    /// The bytes of the file that are its data.
    pub fn file(&self) -> Range<usize> {
        self.file_offset..self.file_offset + self.data.len()
    }
}

/// A word of a writable segment that holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Where the word lies, from the load address.
    pub offset: u64,
    /// The address it holds, from the load address.
    pub addend: u64,
}

/// Why a file is not an image that can run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// It does not begin as ELF files do.
    NotElf,
    /// It ends before what its headers describe.
    Truncated,
    /// It is for another machine.
    Machine,
    /// It is not a static position-independent executable.
    NotStaticPie,
    /// Its headers contradict each other; what is wrong.
    Malformed(&'static str),
    /// It has no manifest.
    NoManifest,
    /// Its manifest cannot be decoded.
    BadManifest,
    /// It was built against another version of the kernel's interface.
    Abi {
        /// The version it was built against.
        image: u64,
    },
    /// Its manifest asks for a priority that no SIP can have.
    Priority(NoSuchPriority),
    /// The machine's memory is exhausted.
    OutOfMemory,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::NotElf => f.write_str("not an ELF file"),
            ImageError::Truncated => f.write_str("the ELF file is truncated"),
            ImageError::Machine => f.write_str("the ELF file is not for 64-bit x86"),
            ImageError::NotStaticPie => {
                f.write_str("the ELF file is not a static position-independent executable")
            }
            ImageError::Malformed(what) => write!(f, "the ELF file is malformed: {what}"),
            ImageError::NoManifest => f.write_str("the image has no manifest"),
            ImageError::BadManifest => f.write_str("the image's manifest cannot be decoded"),
            ImageError::Abi { image } => write!(
                f,
                "the image was built for interface {image:016x}, this kernel has {:016x}; build it again",
                abi::HASH
            ),
            ImageError::Priority(no_such) => no_such.fmt(f),
            ImageError::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

impl From<ParseError> for ImageError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::BadMagic(_) => ImageError::NotElf,
            ParseError::UnsupportedElfClass(_) | ParseError::UnsupportedElfEndianness(_) => {
                ImageError::Machine
            }
            ParseError::SliceReadError(_) | ParseError::TryFromSliceError(_) => ImageError::Truncated,
            _ => ImageError::Malformed("a header cannot be read"),
        }
    }
}

impl From<TryReserveError> for ImageError {
    fn from(_: TryReserveError) -> Self {
        ImageError::OutOfMemory
    }
}

/// Reads `file` as an image.
///
/// # Errors
/// When it is not one that the loader accepts.
pub fn parse(file: &[u8]) -> Result<Parsed<'_>, ImageError> {
    if !file.starts_with(&elf::abi::ELFMAGIC) {
        return Err(ImageError::NotElf);
    }
    let elf = ElfBytes::<LittleEndian>::minimal_parse(file)?;
    if elf.ehdr.class != Class::ELF64 || elf.ehdr.e_machine != EM_X86_64 {
        return Err(ImageError::Machine);
    }
    if elf.ehdr.e_type != ET_DYN {
        return Err(ImageError::NotStaticPie);
    }
    let mut reader = Reader { elf, file, read: Vec::new() };
    reader.headers()?;
    let segments = reader.segments()?;
    let end = segments.last().map_or(0, |segment| segment.offset + segment.bytes);
    let entry = reader.elf.ehdr.e_entry;
    if !segments
        .iter()
        .any(|s| s.access == Access::ReadExecute && (s.offset..s.offset + s.bytes).contains(&entry))
    {
        return Err(ImageError::Malformed("the entry point is not in executable memory"));
    }
    let relocations = reader.relocations(&segments)?;
    let manifest = reader.manifest()?;
    let pages = end.div_ceil(PAGE_SIZE as u64) as usize;
    let symbols = symbols::find(file, &reader.elf);
    let unwind = reader.unwind();
    let rest = match Sealed::of(file) {
        Some(_) => all_but(file.len(), &segments, symbols.as_ref())?,
        None => {
            // That there is no signature is read from where one would be.
            reader.note(file.len().saturating_sub(SEAL_BYTES) as u64, SEAL_BYTES.min(file.len()) as u64)?;
            reader.rest(&segments)
        }
    };
    Ok(Parsed { manifest, segments, relocations, entry, pages, symbols, unwind, rest })
}

/// The parts of a file of that many bytes that are neither a segment's nor a symbol's.
fn all_but(
    bytes: usize,
    segments: &[Segment<'_>],
    symbols: Option<&Places>,
) -> Result<Vec<Range<usize>>, ImageError> {
    let mut known = Vec::new();
    known.try_reserve_exact(segments.len() + 2)?;
    known.extend(segments.iter().map(Segment::file));
    known.extend(symbols.into_iter().flat_map(|places| [places.table.clone(), places.names.clone()]));
    known.sort_unstable_by_key(|range| range.start);
    let mut rest = Vec::new();
    rest.try_reserve_exact(known.len() + 1)?;
    let mut from = 0;
    for range in known {
        if from < range.start {
            rest.push(from..range.start);
        }
        from = from.max(range.end);
    }
    if from < bytes {
        rest.push(from..bytes);
    }
    Ok(rest)
}

/// Reads parts of a file, and notes which.
struct Reader<'a> {
    elf: ElfBytes<'a, LittleEndian>,
    file: &'a [u8],
    read: Vec<Range<usize>>,
}

impl<'a> Reader<'a> {
    /// Notes that what follows depends on the `bytes` bytes from `offset` on.
    fn note(&mut self, offset: u64, bytes: u64) -> Result<(), ImageError> {
        let end = offset.checked_add(bytes).ok_or(ImageError::Truncated)?;
        self.read.try_reserve(1)?;
        self.read.push(offset as usize..end as usize);
        Ok(())
    }

    /// What was read, but for what lies in a segment anyway.
    fn rest(self, segments: &[Segment<'_>]) -> Vec<Range<usize>> {
        let within = |range: &Range<usize>, segment: &Segment<'_>| {
            let file = segment.file();
            file.start <= range.start && range.end <= file.end
        };
        let mut read = self.read;
        read.retain(|range| !segments.iter().any(|segment| within(range, segment)));
        read
    }

    /// Notes the file's header, those of the sections, and the sections' names.
    fn headers(&mut self) -> Result<(), ImageError> {
        self.note(0, FILE_HEADER_BYTES)?;
        let headers = self.elf.section_headers().ok_or(ImageError::NoManifest)?;
        let bytes = u64::from(self.elf.ehdr.e_shentsize);
        self.note(self.elf.ehdr.e_shoff, headers.len() as u64 * bytes)?;
        let names = match self.elf.ehdr.e_shstrndx {
            SHN_XINDEX => headers.get(0)?.sh_link as usize,
            index => usize::from(index),
        };
        let names = headers.get(names)?;
        self.note(names.sh_offset, names.sh_size)
    }

    fn segments(&mut self) -> Result<Vec<Segment<'a>>, ImageError> {
        let headers = self.elf.segments().ok_or(ImageError::Malformed("it has no segments"))?;
        let bytes = u64::from(self.elf.ehdr.e_phentsize);
        self.note(self.elf.ehdr.e_phoff, headers.len() as u64 * bytes)?;
        let mut segments: Vec<Segment<'a>> = Vec::new();
        for header in headers.iter() {
            if header.p_type == PT_INTERP {
                return Err(ImageError::NotStaticPie);
            }
            if header.p_type != PT_LOAD || header.p_memsz == 0 {
                continue;
            }
            let start = header.p_offset as usize;
            let end = header.p_offset.checked_add(header.p_filesz).ok_or(ImageError::Truncated)?;
            let data = self.file.get(start..end as usize).ok_or(ImageError::Truncated)?;
            let access = match (header.p_flags & PF_W != 0, header.p_flags & PF_X != 0) {
                (true, true) => return Err(ImageError::Malformed("a segment is writable and executable")),
                (true, false) => Access::ReadWrite,
                (false, true) => Access::ReadExecute,
                (false, false) => Access::ReadOnly,
            };
            let (offset, bytes) = (header.p_vaddr, header.p_memsz);
            let segment = Segment { offset, file_offset: start, data, bytes, access };
            if header.p_filesz > header.p_memsz {
                return Err(ImageError::Malformed("a segment has more bytes in the file than in memory"));
            }
            if header.p_vaddr.checked_add(header.p_memsz).is_none_or(|end| end > MOST_BYTES) {
                return Err(ImageError::Malformed("a segment lies too high"));
            }
            if segments.last().is_some_and(|before| before.pages().1 > segment.pages().0) {
                return Err(ImageError::Malformed("segments share a page or are not in order"));
            }
            segments.try_reserve(1)?;
            segments.push(segment);
        }
        Ok(segments)
    }

    fn unwind(&self) -> Option<u64> {
        let headers = self.elf.segments()?;
        headers.iter().find(|header| header.p_type == PT_GNU_EH_FRAME).map(|header| header.p_vaddr)
    }

    fn relocations(&mut self, segments: &[Segment<'_>]) -> Result<Vec<Relocation>, ImageError> {
        if let Some(dynamic) = self.elf.dynamic()?
            && dynamic.iter().any(|entry| entry.d_tag == DT_NEEDED)
        {
            return Err(ImageError::NotStaticPie);
        }
        let mut relocations = Vec::new();
        let end = segments.last().map_or(0, |segment| segment.offset + segment.bytes);
        for header in self.elf.section_headers().iter().flat_map(|headers| headers.iter()) {
            if matches!(header.sh_type, SHT_DYNAMIC | SHT_RELA) {
                self.note(header.sh_offset, header.sh_size)?;
            }
            if header.sh_type != SHT_RELA {
                continue;
            }
            for rela in self.elf.section_data_as_relas(&header)? {
                if rela.r_type != R_X86_64_RELATIVE {
                    return Err(ImageError::Malformed("a relocation is not R_X86_64_RELATIVE"));
                }
                let writable = segments.iter().any(|s| {
                    let room = s.bytes.checked_sub(size_of::<u64>() as u64);
                    s.access == Access::ReadWrite
                        && room.is_some_and(|room| (s.offset..=s.offset + room).contains(&rela.r_offset))
                });
                if !writable {
                    return Err(ImageError::Malformed("a relocation is outside of writable memory"));
                }
                let addend = u64::try_from(rela.r_addend).ok().filter(|&addend| addend <= end);
                let addend =
                    addend.ok_or(ImageError::Malformed("a relocation points outside of the image"))?;
                relocations.try_reserve(1)?;
                relocations.push(Relocation { offset: rela.r_offset, addend });
            }
        }
        Ok(relocations)
    }

    fn manifest(&mut self) -> Result<Manifest, ImageError> {
        let header = self.elf.section_header_by_name(SECTION)?.ok_or(ImageError::NoManifest)?;
        let (bytes, _) = self.elf.section_data(&header)?;
        self.note(header.sh_offset, header.sh_size)?;
        // The interface comes first, so that a manifest of another version is told from a broken one.
        let (image, _) = postcard::take_from_bytes::<u64>(bytes).map_err(|_| ImageError::BadManifest)?;
        if image != abi::HASH {
            return Err(ImageError::Abi { image });
        }
        let manifest: Manifest = postcard::from_bytes(bytes).map_err(|_| ImageError::BadManifest)?;
        let names = |ports: &[contracts::manifest::Port]| ports.iter().all(|port| is_name(&port.service));
        let sound = is_name(&manifest.name)
            && names(&manifest.provides)
            && names(&manifest.uses)
            && manifest.threads >= 1
            && (4096..=MOST_STACK_BYTES).contains(&manifest.stack);
        if !sound {
            return Err(ImageError::BadManifest);
        }
        manifest.check_priority().map_err(ImageError::Priority)?;
        Ok(manifest)
    }
}

/// Whether `text` can be shown in a line and fits a message.
fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}
