//! Why the loader cannot boot; each is one line.

use core::fmt;

/// What stops a boot.
pub(crate) enum Error {
    UnknownProtocol(u32),
    BadBootInformation,
    NoMemoryMap,
    NoArchive,
    ArchiveTooHigh(u64),
    NotTar,
    NoKernel,
    KernelNotElf,
    KernelMachine(u16),
    KernelNotFixed(u16),
    KernelConfig,
    KernelSegment(u64),
    Address(&'static str, u64),
    AddressSpaceFull(&'static str),
    TooLittleMemory { needed_mib: u64 },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownProtocol(magic) => {
                write!(f, "started by neither PVH nor Multiboot2 (magic {magic:#x})")
            }
            Error::BadBootInformation => write!(f, "the boot information is damaged"),
            Error::NoMemoryMap => write!(f, "the boot information holds no memory map"),
            Error::NoArchive => write!(f, "no boot archive: pass it as the ramdisk or as the first module"),
            Error::ArchiveTooHigh(end) => write!(f, "boot archive: it ends at {end:#x}, above 4 GiB"),
            Error::NotTar => write!(f, "boot archive: it is not a tar archive"),
            Error::NoKernel => write!(f, "boot archive: it holds no boot/kernel"),
            Error::KernelNotElf => write!(f, "boot/kernel: it is not a 64-bit little-endian ELF image"),
            Error::KernelMachine(machine) => {
                write!(f, "boot/kernel: it is for ELF machine {machine}, not x86-64")
            }
            Error::KernelNotFixed(kind) => {
                write!(f, "boot/kernel: ELF type {kind}, only fixed-address executables (2) are supported")
            }
            Error::KernelConfig => {
                write!(f, "boot/kernel: no valid .bootloader-config section (bootloader_api 0.11)")
            }
            Error::KernelSegment(address) => {
                write!(
                    f,
                    "boot/kernel: the segment at {address:#x} is malformed, writable and executable, or not in the higher half"
                )
            }
            Error::Address(what, address) => {
                write!(f, "boot/kernel asks for its {what} at {address:#x}, which is not free")
            }
            Error::AddressSpaceFull(what) => {
                write!(f, "no room in the address range boot/kernel gives for its {what}")
            }
            Error::TooLittleMemory { needed_mib } => {
                write!(
                    f,
                    "too little memory: {needed_mib} MiB in one piece below 4 GiB needed beside the boot archive"
                )
            }
        }
    }
}
