//! The address space the kernel starts in.

use crate::error::Error;
use crate::memory::{Frames, PAGE};
use bootloader_api::config::{Mapping, Mappings};
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::mapper::{MapToError, MapperAllSizes};
use x86_64::structures::paging::{
    Mapper, OffsetPageTable, Page, PageSize, PageTable, PageTableFlags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

/// Readable, writable, not executable.
pub(crate) const DATA: PageTableFlags =
    PageTableFlags::PRESENT.union(PageTableFlags::WRITABLE).union(PageTableFlags::NO_EXECUTE);
/// Readable and executable.
pub(crate) const CODE: PageTableFlags = PageTableFlags::PRESENT;
/// Readable only.
pub(crate) const RODATA: PageTableFlags = PageTableFlags::PRESENT.union(PageTableFlags::NO_EXECUTE);

const ENTRIES: usize = 512;
/// Bytes one entry of the level-4 table covers.
const P4_SPAN: u64 = 1 << 39;

/// Page tables under construction, and which level-4 entries are spoken for.
pub(crate) struct AddressSpace {
    root: PhysAddr,
    tables: OffsetPageTable<'static>,
    taken: [bool; ENTRIES],
    first: usize,
    last: usize,
}

impl AddressSpace {
    /// An empty address space whose dynamic addresses follow `mappings`. The lowest level-4 entry is kept for the
    /// loader itself.
    pub(crate) fn new(frames: &mut Frames, mappings: &Mappings) -> Result<Self, Error> {
        let root = frames.take(PAGE)?;
        let table = core::ptr::with_exposed_provenance_mut::<PageTable>(root.as_u64() as usize);
        // SAFETY: the frame is fresh, zeroed (an empty table) and identity-mapped until the switch.
        let table = unsafe { &mut *table };
        // SAFETY: physical memory below 4 GiB, where all frames come from, is mapped at offset 0.
        let tables = unsafe { OffsetPageTable::new(table, VirtAddr::zero()) };
        let mut taken = [false; ENTRIES];
        taken[0] = true;
        let start = VirtAddr::new_truncate(mappings.dynamic_range_start.unwrap_or(0));
        let end = VirtAddr::new_truncate(mappings.dynamic_range_end.unwrap_or(0xffff_ffff_ffff_f000));
        let first = usize::from(start.p4_index()) + usize::from(!start.as_u64().is_multiple_of(P4_SPAN));
        let last = usize::from(end.p4_index());
        Ok(AddressSpace { root, tables, taken, first, last })
    }

    /// Maps the level-4 table recursively and returns the index of its entry.
    pub(crate) fn map_root(&mut self, mapping: Mapping) -> Result<u16, Error> {
        let address = self.place("recursive table", mapping, P4_SPAN)?;
        let index = address.p4_index();
        let entry = &mut self.tables.level_4_table_mut()[index];
        if !entry.is_unused() {
            return Err(Error::Address("recursive table", address.as_u64()));
        }
        entry.set_addr(self.root, DATA);
        Ok(index.into())
    }

    /// Switches to this address space. The loader itself must be mapped where it runs.
    pub(crate) fn activate(&self) {
        // SAFETY: the tables are complete and map the loader's image, its stack included, one to one.
        unsafe { Cr3::write(PhysFrame::containing_address(self.root), Cr3Flags::empty()) }
    }

    /// Marks the range as used, so that dynamic addresses stay clear of it.
    pub(crate) fn reserve(&mut self, start: u64, bytes: u64) {
        let first = usize::from(VirtAddr::new_truncate(start).p4_index());
        let last = usize::from(VirtAddr::new_truncate(start + (bytes - 1)).p4_index());
        self.taken[first..=last.max(first)].fill(true);
    }

    /// Reserves a fixed `mapping`, if it is one. All of these come before the first [`Self::place`].
    pub(crate) fn reserve_fixed(&mut self, mapping: Mapping, bytes: u64) {
        if let Mapping::FixedAddress(address) = mapping {
            self.reserve(address, bytes);
        }
    }

    /// The address for `bytes` under `mapping`: the fixed one, or the start of free level-4 entries.
    pub(crate) fn place(
        &mut self,
        what: &'static str,
        mapping: Mapping,
        bytes: u64,
    ) -> Result<VirtAddr, Error> {
        let entries = bytes.div_ceil(P4_SPAN).max(1) as usize;
        match mapping {
            Mapping::FixedAddress(address) if !address.is_multiple_of(PAGE) => {
                Err(Error::Address(what, address))
            }
            Mapping::FixedAddress(address) => {
                VirtAddr::try_new(address).map_err(|_| Error::Address(what, address))
            }
            Mapping::Dynamic => {
                let start = (self.first..=self.last)
                    .find(|&start| {
                        // A range never straddles the hole between the halves.
                        start + entries <= self.last + 1
                            && (start >= ENTRIES / 2 || start + entries <= ENTRIES / 2)
                            && !self.taken[start..start + entries].contains(&true)
                    })
                    .ok_or(Error::AddressSpaceFull(what))?;
                self.taken[start..start + entries].fill(true);
                Ok(VirtAddr::new_truncate(start as u64 * P4_SPAN))
            }
        }
    }

    /// Maps `bytes` at `address` to physical memory from `target`, both page-aligned, in 2 MiB pages where possible.
    pub(crate) fn map(
        &mut self,
        frames: &mut Frames,
        what: &'static str,
        address: VirtAddr,
        target: PhysAddr,
        bytes: u64,
        flags: PageTableFlags,
    ) -> Result<(), Error> {
        let mut done = 0;
        while done < bytes {
            let (page, frame) = (address + done, target + done);
            if page.is_aligned(Size2MiB::SIZE)
                && frame.is_aligned(Size2MiB::SIZE)
                && bytes - done >= Size2MiB::SIZE
            {
                self.map_page::<Size2MiB>(frames, what, page, frame, flags | PageTableFlags::HUGE_PAGE)?;
                done += Size2MiB::SIZE;
            } else {
                self.map_page::<Size4KiB>(frames, what, page, frame, flags)?;
                done += PAGE;
            }
        }
        Ok(())
    }

    fn map_page<S: PageSize>(
        &mut self,
        frames: &mut Frames,
        what: &'static str,
        address: VirtAddr,
        target: PhysAddr,
        flags: PageTableFlags,
    ) -> Result<(), Error>
    where
        OffsetPageTable<'static>: Mapper<S> + MapperAllSizes,
    {
        let parents = PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
        let page = Page::<S>::containing_address(address);
        let frame = PhysFrame::<S>::containing_address(target);
        // SAFETY: these tables are not active yet, so no mapping in use changes.
        let mapped = unsafe { self.tables.map_to_with_table_flags(page, frame, flags, parents, frames) };
        match mapped {
            Ok(flush) => {
                flush.ignore();
                Ok(())
            }
            Err(MapToError::FrameAllocationFailed) => Err(frames.exhausted()),
            Err(_) => Err(Error::Address(what, address.as_u64())),
        }
    }
}
