//! Physical memory while loading: which of it is free, and frames handed out from one piece of it.

use crate::error::Error;
use crate::machine::{MAX_FIRMWARE_REGIONS, Machine, Range};
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use x86_64::PhysAddr;
use x86_64::structures::paging::{FrameAllocator, PhysFrame, Size4KiB};

/// Bytes in a page.
pub(crate) const PAGE: u64 = 4096;

/// Most entries of the map handed to the kernel: each range that is cut out splits at most one region.
pub(crate) const MAX_REGIONS: usize = 2 * MAX_FIRMWARE_REGIONS;

/// Calls `each` with the free pieces of `machine`'s memory, page-aligned, outside `reserved` and outside every
/// region the firmware keeps.
fn free_pieces(machine: &Machine, reserved: &[Range], mut each: impl FnMut(Range)) {
    for region in machine.regions().iter().filter(|region| region.kind == MemoryRegionKind::Usable) {
        let mut start = region.start.next_multiple_of(PAGE);
        let limit = region.end / PAGE * PAGE;
        while start < limit {
            // The reserved range that cuts the piece first, if any.
            let kept = machine
                .regions()
                .iter()
                .filter(|other| other.kind != MemoryRegionKind::Usable)
                .map(|other| Range { start: other.start, end: other.end });
            let cut = reserved
                .iter()
                .copied()
                .chain(kept)
                .filter(|cut| cut.end > start && cut.start < limit)
                .min_by_key(|cut| cut.start);
            let end = cut.map_or(limit, |cut| (cut.start / PAGE * PAGE).max(start));
            if start < end {
                each(Range { start, end });
            }
            start = cut.map_or(limit, |cut| cut.end.next_multiple_of(PAGE));
        }
    }
}

/// Frames from one free piece below 4 GiB, handed out upwards, never given back.
pub(crate) struct Frames {
    start: u64,
    next: u64,
    end: u64,
    needed: u64,
}

impl Frames {
    /// Picks the lowest free piece above 1 MiB with `needed` bytes.
    pub(crate) fn new(machine: &Machine, image: Range, needed: u64) -> Result<Self, Error> {
        let low = Range { start: 0, end: 1 << 20 };
        let high = Range { start: 1 << 32, end: u64::MAX / PAGE * PAGE };
        let mut found: Option<Range> = None;
        free_pieces(machine, &[low, high, image, machine.ramdisk], |piece| {
            if found.is_none() && piece.end - piece.start >= needed {
                found = Some(piece);
            }
        });
        let Range { start, end } = found.ok_or(too_little(needed))?;
        Ok(Frames { start, next: start, end, needed })
    }

    /// Hands out `bytes` in one piece, zeroed, and returns its physical address.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<PhysAddr, Error> {
        let start = self.next;
        let end = start + bytes.next_multiple_of(PAGE);
        if end > self.end {
            return Err(too_little(self.needed.max(end - self.start)));
        }
        self.next = end;
        let memory = core::ptr::with_exposed_provenance_mut::<u8>(start as usize);
        // SAFETY: the piece is free memory below 4 GiB, which is identity-mapped while frames are handed out, and
        // `next` has passed it, so nothing else uses it.
        unsafe { memory.write_bytes(0, (end - start) as usize) };
        Ok(PhysAddr::new(start))
    }

    /// The error for a piece that turned out too small.
    pub(crate) fn exhausted(&self) -> Error {
        too_little(self.needed.max(self.end - self.start + PAGE))
    }

    /// What was handed out.
    pub(crate) fn used(&self) -> Range {
        Range { start: self.start, end: self.next }
    }
}

fn too_little(bytes: u64) -> Error {
    Error::TooLittleMemory { needed_mib: bytes.div_ceil(1 << 20) }
}

// SAFETY: `take` hands out each frame once.
unsafe impl FrameAllocator<Size4KiB> for Frames {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        self.take(PAGE).ok().map(PhysFrame::containing_address)
    }
}

/// Fills `map` with the memory map for the kernel, sorted by address, and returns how many entries it has.
pub(crate) fn fill_map(map: &mut [MemoryRegion], machine: &Machine, image: Range, used: Range) -> usize {
    let mut count = 0;
    let mut push = |start, end, kind| {
        if start < end && count < map.len() {
            map[count] = MemoryRegion { start, end, kind };
            count += 1;
        }
    };
    // Page 0 stays out of use, so that physical address 0 can mean none.
    let zero = Range { start: 0, end: PAGE };
    let own = [zero, image, used, machine.ramdisk];
    for region in machine.regions().iter().filter(|region| region.kind != MemoryRegionKind::Usable) {
        push(region.start, region.end, region.kind);
    }
    for range in own {
        push(range.start, range.end.next_multiple_of(PAGE), MemoryRegionKind::Bootloader);
    }
    free_pieces(machine, &own, |piece| push(piece.start, piece.end, MemoryRegionKind::Usable));
    map[..count].sort_unstable_by_key(|region| region.start);
    count
}
