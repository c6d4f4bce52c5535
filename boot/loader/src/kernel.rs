//! The kernel image as it lies in the boot archive.

use crate::error::Error;
use bootloader_api::BootloaderConfig;
use bootloader_api::info::TlsTemplate;
use elf::ElfBytes;
use elf::abi::{EM_X86_64, ET_EXEC, PF_W, PF_X, PT_LOAD, PT_TLS};
use elf::endian::LittleEndian;
use elf::segment::ProgramHeader;
use tar_no_std::TarArchiveRef;

/// The name of the kernel's entry in the archive.
const ENTRY_NAME: &str = "boot/kernel";
/// The lowest address of the higher half.
const HIGHER_HALF: u64 = 0xffff_8000_0000_0000;

/// A kernel image that was checked: fixed-address, x86-64, with a configuration.
pub(crate) struct Kernel<'a> {
    elf: ElfBytes<'a, LittleEndian>,
    /// The ELF file.
    pub(crate) bytes: &'a [u8],
    /// What `entry_point!` asks of the loader.
    pub(crate) config: BootloaderConfig,
    /// Virtual address of the entry point.
    pub(crate) entry: u64,
}

/// One part of the image to map.
pub(crate) struct Segment<'a> {
    /// Virtual address of the first byte.
    pub(crate) address: u64,
    /// Bytes in memory; what `bytes` does not cover is zero.
    pub(crate) size: u64,
    /// Content from the file.
    pub(crate) bytes: &'a [u8],
    /// ELF segment flags.
    pub(crate) flags: u32,
}

impl<'a> Kernel<'a> {
    /// Finds and checks the kernel in the boot archive.
    pub(crate) fn find(archive: &'a [u8]) -> Result<Self, Error> {
        let archive = TarArchiveRef::new(archive).map_err(|_| Error::NotTar)?;
        let entry = archive
            .entries()
            .find(|entry| entry.filename().as_str() == Ok(ENTRY_NAME))
            .ok_or(Error::NoKernel)?;
        let bytes = entry.data();
        let elf = ElfBytes::<LittleEndian>::minimal_parse(bytes).map_err(|_| Error::KernelNotElf)?;
        let header = &elf.ehdr;
        if header.class != elf::file::Class::ELF64 {
            return Err(Error::KernelNotElf);
        }
        if header.e_machine != EM_X86_64 {
            return Err(Error::KernelMachine(header.e_machine));
        }
        if header.e_type != ET_EXEC {
            return Err(Error::KernelNotFixed(header.e_type));
        }
        let section = elf
            .section_header_by_name(".bootloader-config")
            .ok()
            .flatten()
            .and_then(|section| elf.section_data(&section).ok())
            .ok_or(Error::KernelConfig)?;
        let config = BootloaderConfig::deserialize(section.0).map_err(|_| Error::KernelConfig)?;
        Ok(Kernel { entry: header.e_entry, elf, bytes, config })
    }

    fn headers(&self) -> impl Iterator<Item = ProgramHeader> {
        self.elf.segments().into_iter().flatten()
    }

    /// The segments to map.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Result<Segment<'a>, Error>> {
        self.headers().filter(|header| header.p_type == PT_LOAD && header.p_memsz > 0).map(|header| {
            let malformed = Error::KernelSegment(header.p_vaddr);
            let both = PF_W | PF_X;
            let ends_inside = header.p_vaddr.checked_add(header.p_memsz).is_some();
            if header.p_vaddr < HIGHER_HALF
                || !ends_inside
                || header.p_filesz > header.p_memsz
                || header.p_flags & both == both
            {
                return Err(malformed);
            }
            let bytes = self.elf.segment_data(&header).map_err(|_| malformed)?;
            Ok(Segment { address: header.p_vaddr, size: header.p_memsz, bytes, flags: header.p_flags })
        })
    }

    /// The lowest virtual address of the image.
    pub(crate) fn lowest_address(&self) -> u64 {
        self.headers()
            .filter(|header| header.p_type == PT_LOAD)
            .map(|header| header.p_vaddr)
            .min()
            .unwrap_or(0)
    }

    /// The thread-local template.
    pub(crate) fn tls(&self) -> Option<TlsTemplate> {
        self.headers().find(|header| header.p_type == PT_TLS).map(|header| TlsTemplate {
            start_addr: header.p_vaddr,
            file_size: header.p_filesz,
            mem_size: header.p_memsz,
        })
    }
}
