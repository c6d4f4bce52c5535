//! Page tables: those of the kernel's space, which all SIPs in it share, and those of each domain ([`super::space`]).
//!
//! A page is never both writable and executable: no [`Access`] says so, and the access to a mapped page never changes.
//! A mapped page owns its frame, unless it is mapped as one that others share; such a page is never writable. A table
//! that no entry uses is freed, so that unmapping gives back every frame that mapping took, and no other.

use contracts::sabotage::{Bug, planted};
use core::ptr;

use spin::Mutex;
use x86_64::structures::paging::PageTableFlags as Flags;
use x86_64::{PhysAddr, VirtAddr};

use super::frames::{self, Frame};
use super::{PAGE_SIZE, layout, physical};
use crate::arch;

/// What code may do with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// Read and execute.
    ReadExecute,
}

impl Access {
    fn flags(self) -> Flags {
        let own = match self {
            Access::ReadOnly => Flags::NO_EXECUTE,
            Access::ReadWrite => Flags::NO_EXECUTE.union(Flags::WRITABLE),
            Access::ReadExecute => Flags::empty(),
        };
        own | Flags::PRESENT
    }
}

/// Why a page was not mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No frame is left for the page or for a table.
    OutOfMemory,
    /// Something is mapped there already.
    InUse(VirtAddr),
    /// A frame that others share is not mapped to be written to.
    Shared,
}

/// Serialises changes. Reading ([`translate`]) needs no lock: entries are read whole, and a table is freed only
/// by whoever owns the addresses it maps.
static CHANGES: Mutex<()> = Mutex::new(());

const ENTRIES: usize = 512;
const TOP_LEVEL: u32 = 4;
const ADDRESS_BITS: u64 = 0x000f_ffff_ffff_f000;
const TABLE_FLAGS: Flags = Flags::PRESENT.union(Flags::WRITABLE);
/// In an entry for a page: its frame is somebody else's, and is not freed with the page. One of the bits that the
/// processor leaves to software (SDM vol. 3, table 4-20).
const SHARED: Flags = Flags::BIT_9;
/// In an entry of the top level: the table below stays when it is empty, because the roots of domains refer to it.
const PINNED: Flags = Flags::BIT_10;

#[derive(Clone, Copy)]
struct Entry(u64);

impl Entry {
    fn new(address: PhysAddr, flags: Flags) -> Entry {
        Entry(address.as_u64() | flags.bits())
    }

    fn is_present(self) -> bool {
        self.0 & Flags::PRESENT.bits() != 0
    }

    fn is_huge(self) -> bool {
        self.0 & Flags::HUGE_PAGE.bits() != 0
    }

    /// Whether the frame behind this page is somebody else's.
    fn is_shared(self) -> bool {
        self.0 & SHARED.bits() != 0
    }

    /// Whether the table behind this entry stays when it is empty.
    fn is_pinned(self) -> bool {
        self.0 & PINNED.bits() != 0
    }

    fn address(self) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS_BITS)
    }
}

/// A table of some level, reached through the window on physical memory.
#[derive(Clone, Copy)]
struct Table(PhysAddr);

impl Table {
    fn slot(self, index: usize) -> *mut Entry {
        assert!(index < ENTRIES);
        physical(self.0).cast::<Entry>().wrapping_add(index)
    }

    fn get(self, index: usize) -> Entry {
        // SAFETY: the slot lies in a page table, which is mapped through the window for good.
        unsafe { ptr::read_volatile(self.slot(index)) }
    }

    fn set(self, index: usize, entry: Entry) {
        // SAFETY: as in `get`; the callers hold `CHANGES` and change only entries of addresses they were given.
        unsafe { ptr::write_volatile(self.slot(index), entry) }
    }

    fn is_empty(self) -> bool {
        // SAFETY: as in `get`; the processor changes only entries that are not 0.
        let entries = unsafe { &*physical(self.0).cast::<[u64; ENTRIES]>() };
        // Eight at once, which takes a fifth of the instructions.
        entries.chunks_exact(8).all(|eight| eight.iter().fold(0, |all, entry| all | entry) == 0)
    }
}

/// The tables of one address space, and what its entries say beside the access to a page.
#[derive(Clone, Copy)]
pub struct Tables {
    root: Table,
    page: Flags,
    table: Flags,
}

/// What an entry of a domain's lower half says that ring 3 may use.
const USER: Flags = Flags::USER_ACCESSIBLE;

impl Tables {
    /// Those of the kernel's space. What they map is there in every space, and for ring 0 alone.
    pub fn kernel() -> Tables {
        Tables { root: Table(arch::paging::root()), page: Flags::GLOBAL, table: TABLE_FLAGS }
    }

    /// Those of a domain, for its lower half, which ring 3 may use.
    pub(super) fn of_domain(root: PhysAddr) -> Tables {
        Tables { root: Table(root), page: USER, table: TABLE_FLAGS.union(USER) }
    }
}

/// Bytes that one entry of a table of `level` (1 to 4) spans.
const fn span(level: u32) -> u64 {
    (PAGE_SIZE as u64) << (9 * (level - 1))
}

fn index(address: VirtAddr, level: u32) -> usize {
    (address.as_u64() / span(level)) as usize % ENTRIES
}

/// The level 1 table for `page`, made as needed.
fn leaf_table(tables: Tables, page: VirtAddr) -> Result<Table, MapError> {
    let mut table = tables.root;
    for level in (2..=TOP_LEVEL).rev() {
        let entry = table.get(index(page, level));
        table = if entry.is_present() {
            if entry.is_huge() {
                return Err(MapError::InUse(page));
            }
            Table(entry.address())
        } else {
            let frame = frames::allocate_zeroed().ok_or(MapError::OutOfMemory)?;
            let next = Table(frame.into_entry());
            table.set(index(page, level), Entry::new(next.0, tables.table));
            next
        };
    }
    Ok(table)
}

/// Maps what lies at `address` at `page`, whose table of level 1 this is. The caller answers for the frame.
fn map_locked(table: Table, page: VirtAddr, address: PhysAddr, flags: Flags) -> Result<(), MapError> {
    if table.get(index(page, 1)).0 != 0 {
        return Err(MapError::InUse(page));
    }
    table.set(index(page, 1), Entry::new(address, flags));
    Ok(())
}

/// Maps pages one after the other from `start` on, as `map` does it for the n-th. If one fails none stays mapped.
fn map_each(
    tables: Tables,
    start: VirtAddr,
    pages: usize,
    mut map: impl FnMut(Table, VirtAddr, usize) -> Result<(), MapError>,
) -> Result<(), MapError> {
    assert!(start.is_aligned(PAGE_SIZE as u64), "{start:?} is not the start of a page");
    let _changes = CHANGES.lock();
    let mut table = None;
    for done in 0..pages {
        let page = start + (done * PAGE_SIZE) as u64;
        // The table of the page before, unless this one is the first of another.
        let known = table.filter(|_| index(page, 1) != 0);
        let mapped = known.map_or_else(|| leaf_table(tables, page), Ok).and_then(|known| {
            table = Some(known);
            map(known, page, done)
        });
        if let Err(error) = mapped {
            if !planted(Bug::HalfMapped) {
                unmap_locked(tables, start, done);
            }
            free_empty_tables(tables, page);
            return Err(error);
        }
    }
    Ok(())
}

impl Tables {
    /// Maps `frame` at `page`, the start of a page. If that fails the frame is freed.
    pub fn map(self, page: VirtAddr, frame: Frame, access: Access) -> Result<(), MapError> {
        let flags = access.flags() | self.page;
        map_each(self, page, 1, |table, page, _| map_locked(table, page, frame.address(), flags))?;
        frame.into_entry();
        Ok(())
    }

    /// Maps `pages` fresh frames full of zeros from `start` on. If that fails nothing stays mapped.
    pub fn map_fresh(self, start: VirtAddr, pages: usize, access: Access) -> Result<(), MapError> {
        let flags = access.flags() | self.page;
        map_each(self, start, pages, |table, page, _| {
            let frame = frames::allocate_zeroed().ok_or(MapError::OutOfMemory)?;
            map_locked(table, page, frame.address(), flags)?;
            frame.into_entry();
            Ok(())
        })
    }

    /// Maps `frames`, which others may map too and whose owner keeps them, from `start` on. If that fails nothing stays
    /// mapped.
    ///
    /// # Safety
    /// As long as they are mapped the frames are neither freed nor written to.
    pub unsafe fn map_shared(
        self,
        start: VirtAddr,
        frames: &[Frame],
        access: Access,
    ) -> Result<(), MapError> {
        if access == Access::ReadWrite {
            return Err(MapError::Shared);
        }
        let flags = access.flags() | self.page | SHARED;
        map_each(self, start, frames.len(), |table, page, index| {
            map_locked(table, page, frames[index].address(), flags)
        })
    }

    /// Unmaps `pages` pages from `start` on, frees their frames, but for those that others share, and the tables that no
    /// entry uses any more, and returns how many pages were mapped. Holes are skipped quickly.
    pub fn unmap_range(self, start: VirtAddr, pages: usize) -> usize {
        let _changes = CHANGES.lock();
        unmap_locked(self, start, pages)
    }

    /// The entry for the page of `address`, if it is mapped, and the address behind it. Takes no lock.
    fn find(self, address: VirtAddr) -> Option<(Entry, PhysAddr)> {
        let mut table = self.root;
        for level in (1..=TOP_LEVEL).rev() {
            let entry = table.get(index(address, level));
            if !entry.is_present() {
                return None;
            }
            if level == 1 || entry.is_huge() {
                let mask = span(level) - 1;
                let physical = (entry.address().as_u64() & !mask) | (address.as_u64() & mask);
                return Some((entry, PhysAddr::new(physical)));
            }
            table = Table(entry.address());
        }
        None
    }

    /// The physical address behind `address`, if it is mapped. Takes no lock.
    pub fn translate(self, address: VirtAddr) -> Option<PhysAddr> {
        self.find(address).map(|(_, physical)| physical)
    }

    /// As [`Tables::translate`], if ring 3 may access the page in this way, which is to read or to write.
    pub(super) fn translate_for_user(self, address: VirtAddr, access: Access) -> Option<PhysAddr> {
        let (entry, physical) = self.find(address)?;
        let needed = if access == Access::ReadWrite { USER | Flags::WRITABLE } else { USER };
        (entry.0 & needed.bits() == needed.bits()).then_some(physical)
    }
}

/// As [`Tables::map_fresh`], in the kernel's space.
pub fn map_fresh(start: VirtAddr, pages: usize, access: Access) -> Result<(), MapError> {
    Tables::kernel().map_fresh(start, pages, access)
}

/// As [`Tables::unmap_range`], in the kernel's space.
pub fn unmap_range(start: VirtAddr, pages: usize) -> usize {
    Tables::kernel().unmap_range(start, pages)
}

/// As [`Tables::translate`], in the kernel's space.
pub fn translate(address: VirtAddr) -> Option<PhysAddr> {
    Tables::kernel().translate(address)
}

fn unmap_locked(tables: Tables, start: VirtAddr, pages: usize) -> usize {
    let mut freed = 0;
    if let Some(bytes) = (pages * PAGE_SIZE).checked_sub(1) {
        // The last byte, not the one past it, so that the end of the address space is no special case.
        let range = (start.as_u64(), start.as_u64() + bytes as u64);
        sweep(tables.root, TOP_LEVEL, range, Sweep::PagesAndTables, &mut freed);
    }
    freed
}

/// Frees the tables on the way to `page` that no entry uses.
fn free_empty_tables(tables: Tables, page: VirtAddr) {
    let range = (page.as_u64(), page.as_u64());
    sweep(tables.root, TOP_LEVEL, range, Sweep::EmptyTables, &mut 0);
}

/// What a walk over a range takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    PagesAndTables,
    EmptyTables,
}

/// The slots of a table of `level` for the addresses `first..=last`, each with its part of them.
fn slots(level: u32, (first, last): (u64, u64)) -> impl Iterator<Item = (usize, (u64, u64))> {
    let part = move |at: u64| (at, (at | (span(level) - 1)).min(last));
    let next = move |&(_, end): &(u64, u64)| (end < last).then(|| part(end + 1));
    core::iter::successors(Some(part(first)), next)
        .map(move |part| (index(VirtAddr::new_truncate(part.0), level), part))
}

/// Walks over a range of addresses below `table` of `level`. Adds the pages it unmapped to `freed`.
fn sweep(table: Table, level: u32, range: (u64, u64), what: Sweep, freed: &mut usize) {
    for (slot, part) in slots(level, range) {
        if table.get(slot).is_present() {
            sweep_entry(table, slot, level, part, what, freed);
        }
    }
}

fn sweep_entry(table: Table, slot: usize, level: u32, range: (u64, u64), what: Sweep, freed: &mut usize) {
    let page = VirtAddr::new_truncate(range.0);
    let entry = table.get(slot);
    if level > 1 {
        assert!(!entry.is_huge(), "{page:?} is part of a huge page, which nobody here maps");
        let below = Table(entry.address());
        sweep(below, level - 1, range, what, freed);
        if entry.is_pinned() || !below.is_empty() {
            return;
        }
    } else if what == Sweep::PagesAndTables {
        *freed += 1;
    } else {
        return;
    }
    table.set(slot, Entry(0));
    // For a table, this also drops what the core cached of the table itself (SDM vol. 3, 4.10.4.1).
    arch::paging::flush(page);
    if level == 1 && entry.is_shared() && !planted(Bug::FreedShared) {
        return;
    }
    // SAFETY: `map`, `map_fresh` or `leaf_table` put the frame into this entry, which was just cleared and flushed.
    drop(unsafe { Frame::from_entry(entry.address()) });
}

impl Tables {
    /// How many page tables of level 1 and 2, which span 2 MiB and 1 GiB, serve the `pages` pages from `start` on. Whoever
    /// owns the addresses sees to it that none of them comes or goes meanwhile.
    pub fn tables_for(self, start: VirtAddr, pages: usize) -> usize {
        fn count(table: Table, level: u32, range: (u64, u64)) -> usize {
            let below = slots(level, range).map(|(slot, part)| match table.get(slot) {
                entry if !entry.is_present() => 0,
                _ if level == 2 => 1,
                entry => usize::from(level == 3) + count(Table(entry.address()), level - 1, part),
            });
            below.sum()
        }
        let bytes = (pages * PAGE_SIZE) as u64;
        if bytes == 0 {
            0
        } else {
            count(self.root, TOP_LEVEL, (start.as_u64(), start.as_u64() + (bytes - 1)))
        }
    }

    /// Has the roots of domains made from now on share what the kernel's space maps in the `bytes` from `start` on: the
    /// tables of level 3 are there from now on. It may be done again.
    ///
    /// # Errors
    /// [`MapError::OutOfMemory`]; some may have been made.
    pub fn pin(self, start: VirtAddr, bytes: u64) -> Result<(), MapError> {
        let _changes = CHANGES.lock();
        let first = index(start, TOP_LEVEL);
        for slot in first..first + bytes.div_ceil(span(TOP_LEVEL)) as usize {
            let entry = self.root.get(slot);
            let pinned = if entry.is_present() {
                Entry(entry.0 | PINNED.bits())
            } else {
                let frame = frames::allocate_zeroed().ok_or(MapError::OutOfMemory)?;
                Entry::new(frame.into_entry(), self.table | PINNED)
            };
            self.root.set(slot, pinned);
        }
        Ok(())
    }

    /// Writes `bytes` to pages of the caller's, which need not be ones that their holder may write.
    ///
    /// # Safety
    /// The pages are mapped in this space, and nobody else uses them.
    #[inline]
    pub unsafe fn write(self, address: VirtAddr, bytes: &[u8]) {
        if self.page != USER {
            // SAFETY: what the kernel's space maps is there in each space; passed on to the caller.
            return unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), address.as_mut_ptr(), bytes.len()) };
        }
        // SAFETY: passed on to the caller.
        unsafe { self.write_by_alias(address, bytes) }
    }

    /// As [`Tables::write`], where the space need not be loaded.
    unsafe fn write_by_alias(self, address: VirtAddr, bytes: &[u8]) {
        let mut left = bytes;
        let mut next = address;
        while !left.is_empty() {
            let room = PAGE_SIZE - (next.as_u64() % PAGE_SIZE as u64) as usize;
            let (piece, rest) = left.split_at(room.min(left.len()));
            let place = self.translate(next).expect("the caller has mapped the page");
            // SAFETY: the page is the caller's, who says that nobody else uses it.
            unsafe { ptr::copy_nonoverlapping(piece.as_ptr(), physical(place), piece.len()) };
            next += piece.len() as u64;
            left = rest;
        }
    }

    /// Enters all that the kernel's space maps into this one.
    ///
    /// # Safety
    /// The root is fresh, and every table of level 3 of the kernel's upper half stays.
    pub(super) unsafe fn share_upper_half(self) {
        let kernel = Tables::kernel();
        for slot in ENTRIES / 2..ENTRIES {
            self.root.set(slot, kernel.root.get(slot));
        }
    }
}

/// Maps `pages` pages of device registers, uncached, for good. `address` is the start of a page.
pub fn map_device(address: PhysAddr, pages: usize) -> Result<VirtAddr, MapError> {
    static NEXT: Mutex<u64> = Mutex::new(layout::DEVICES);
    let mut next = NEXT.lock();
    let start = VirtAddr::new(*next);
    let tables = Tables::kernel();
    let flags = Access::ReadWrite.flags() | tables.page | Flags::NO_CACHE | Flags::WRITE_THROUGH;
    let _changes = CHANGES.lock();
    for offset in (0..pages).map(|i| (i * PAGE_SIZE) as u64) {
        let page = start + offset;
        leaf_table(tables, page)?.set(index(page, 1), Entry::new(address + offset, flags));
    }
    *next += (pages * PAGE_SIZE) as u64;
    Ok(start)
}

/// Whether no level 4 entry for the `bytes` from `start` on is in use.
pub(super) fn top_level_unused(start: VirtAddr, bytes: u64) -> bool {
    let first = index(start, TOP_LEVEL);
    let count = bytes.div_ceil(span(TOP_LEVEL)) as usize;
    (first..first + count).all(|index| Tables::kernel().root.get(index).0 == 0)
}

/// Takes back what a loader left that no kernel should have: the lower half, so that null pointers fault, and the
/// right to execute physical memory through its window of `window_bytes`.
#[cfg(feature = "bare")]
pub fn tighten(window_bytes: u64) {
    let _changes = CHANGES.lock();
    let root = Tables::kernel().root;
    for index in 0..ENTRIES / 2 {
        root.set(index, Entry(0));
    }
    let window = index(super::physical_window(), TOP_LEVEL);
    for index in window..window + window_bytes.div_ceil(span(TOP_LEVEL)) as usize {
        let entry = root.get(index);
        if entry.is_present() {
            root.set(index, Entry(entry.0 | Flags::NO_EXECUTE.bits()));
        }
    }
    arch::paging::flush_all();
}

mod alias;
#[cfg(test)]
mod tests;
