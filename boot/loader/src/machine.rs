//! What the boot protocol says about the machine, copied out of its structures.
//!
//! Everything is read before the first frame is allocated, since both protocols leave their structures in memory
//! that the map calls usable.

use crate::entry::PVH_MAGIC;
use crate::error::Error;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use multiboot2::{BootInformation, BootInformationHeader, MemoryAreaType};
use pvh::start_info::MemmapType;
use pvh::start_info::reader::StartInfoReader;

/// Most entries of a firmware memory map that are kept.
pub(crate) const MAX_FIRMWARE_REGIONS: usize = 256;

/// A range of physical memory in bytes, the end exclusive.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The machine as the boot protocol describes it.
pub(crate) struct Machine {
    regions: [MemoryRegion; MAX_FIRMWARE_REGIONS],
    region_count: usize,
    /// The boot archive.
    pub(crate) ramdisk: Range,
    /// Physical address of the ACPI root pointer.
    pub(crate) rsdp: Option<u64>,
}

/// A copy of the RSDP: Multiboot2 hands over its content, the kernel wants its address. The loader's image is
/// reserved for good, so the copy stays.
static mut RSDP_COPY: [u8; 36] = [0; 36];

impl Machine {
    /// Reads the structure at physical address `info` of the protocol that `magic` names.
    ///
    /// # Safety
    /// `magic` and `info` are what the boot protocol passed, and the first 4 GiB are identity-mapped.
    pub(crate) unsafe fn read(magic: u32, info: u32) -> Result<Self, Error> {
        let mut machine = Machine {
            regions: [MemoryRegion::empty(); MAX_FIRMWARE_REGIONS],
            region_count: 0,
            ramdisk: Range { start: 0, end: 0 },
            rsdp: None,
        };
        match magic {
            // SAFETY: passed on from the caller.
            PVH_MAGIC => unsafe { machine.read_pvh(info)? },
            // SAFETY: passed on from the caller.
            multiboot2::MAGIC => unsafe { machine.read_multiboot2(info)? },
            other => return Err(Error::UnknownProtocol(other)),
        }
        if machine.ramdisk.start >= machine.ramdisk.end {
            return Err(Error::NoArchive);
        }
        if machine.ramdisk.end > 1 << 32 {
            return Err(Error::ArchiveTooHigh(machine.ramdisk.end));
        }
        machine.regions[..machine.region_count].sort_unstable_by_key(|region| region.start);
        Ok(machine)
    }

    /// The firmware's memory map, sorted by address.
    pub(crate) fn regions(&self) -> &[MemoryRegion] {
        &self.regions[..self.region_count]
    }

    unsafe fn read_pvh(&mut self, info: u32) -> Result<(), Error> {
        // SAFETY: the caller passes the address the PVH entry got, below 4 GiB and thus identity-mapped.
        let info = unsafe { StartInfoReader::from_paddr_identity(info) }.ok_or(Error::BadBootInformation)?;
        if let Some(module) = info.modlist().next() {
            self.ramdisk = Range {
                start: module.raw().paddr,
                end: module.raw().paddr.saturating_add(module.raw().size),
            };
        }
        self.rsdp = (info.raw().rsdp_paddr != 0).then_some(info.raw().rsdp_paddr);
        for entry in info.memmap() {
            let kind = match entry.ty() {
                MemmapType::Ram => MemoryRegionKind::Usable,
                _ => MemoryRegionKind::UnknownBios(entry.ty),
            };
            self.push(entry.addr, entry.size, kind);
        }
        Ok(())
    }

    unsafe fn read_multiboot2(&mut self, info: u32) -> Result<(), Error> {
        let pointer = core::ptr::with_exposed_provenance::<BootInformationHeader>(info as usize);
        // SAFETY: the caller passes the address a Multiboot2 loader handed over, identity-mapped; nothing writes to
        // it before this function returns.
        let info = unsafe { BootInformation::load(pointer) }.map_err(|_| Error::BadBootInformation)?;
        if let Some(module) = info.module_tags().next() {
            self.ramdisk = Range { start: module.start_address().into(), end: module.end_address().into() };
        }
        let map = info.memory_map_tag().ok_or(Error::NoMemoryMap)?;
        for area in map.memory_areas() {
            let kind = match area.typ() {
                MemoryAreaType::Available => MemoryRegionKind::Usable,
                other => MemoryRegionKind::UnknownBios(other.into()),
            };
            self.push(area.start_address(), area.size(), kind);
        }
        // The tags hold the RSDP behind their 8-byte header: 20 bytes in version 1, 36 in version 2.
        let copy = info
            .rsdp_v2_tag()
            .map(|tag| (core::ptr::from_ref(tag).cast::<u8>(), 36))
            .or_else(|| info.rsdp_v1_tag().map(|tag| (core::ptr::from_ref(tag).cast::<u8>(), 20)));
        if let Some((tag, bytes)) = copy {
            let to = &raw mut RSDP_COPY;
            // SAFETY: the crate has checked that the tag lies within the boot information; `RSDP_COPY` holds 36
            // bytes and only this single-threaded function touches it.
            unsafe { tag.add(8).copy_to_nonoverlapping(to.cast(), bytes) };
            self.rsdp = Some(to.expose_provenance() as u64);
        }
        Ok(())
    }

    fn push(&mut self, start: u64, bytes: u64, kind: MemoryRegionKind) {
        let end = start.saturating_add(bytes);
        if bytes > 0 && self.region_count < MAX_FIRMWARE_REGIONS {
            self.regions[self.region_count] = MemoryRegion { start, end, kind };
            self.region_count += 1;
        }
    }
}
