//! The page tables of the one address space.
//!
//! A page is never both writable and executable: no [`Access`] says so. A mapped page owns its frame, and a table
//! that no entry uses is freed, so that unmapping gives back every frame that mapping took.

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
        own | Flags::PRESENT | Flags::GLOBAL
    }
}

/// Why a page was not mapped, or its access not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No frame is left for the page or for a table.
    OutOfMemory,
    /// Something is mapped there already.
    InUse(VirtAddr),
    /// Nothing is mapped there.
    NotMapped(VirtAddr),
}

/// Serialises changes. Reading ([`translate`]) needs no lock: entries are read whole, and a table is freed only
/// by whoever owns the addresses it maps.
static CHANGES: Mutex<()> = Mutex::new(());

const ENTRIES: usize = 512;
const TOP_LEVEL: u32 = 4;
const ADDRESS_BITS: u64 = 0x000f_ffff_ffff_f000;
const TABLE_FLAGS: Flags = Flags::PRESENT.union(Flags::WRITABLE);

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

    fn address(self) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS_BITS)
    }
}

/// A table of some level, reached through the window on physical memory.
#[derive(Clone, Copy)]
struct Table(PhysAddr);

impl Table {
    fn root() -> Table {
        Table(arch::paging::root())
    }

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
        (0..ENTRIES).all(|index| self.get(index).0 == 0)
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
fn leaf_table(page: VirtAddr) -> Result<Table, MapError> {
    let mut table = Table::root();
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
            table.set(index(page, level), Entry::new(next.0, TABLE_FLAGS));
            next
        };
    }
    Ok(table)
}

fn map_locked(page: VirtAddr, frame: Frame, flags: Flags) -> Result<(), (MapError, Frame)> {
    assert!(page.is_aligned(PAGE_SIZE as u64), "{page:?} is not the start of a page");
    let table = match leaf_table(page) {
        Ok(table) => table,
        Err(error) => return Err((error, frame)),
    };
    if table.get(index(page, 1)).0 != 0 {
        return Err((MapError::InUse(page), frame));
    }
    table.set(index(page, 1), Entry::new(frame.into_entry(), flags));
    Ok(())
}

/// Maps `frame` at `page`, the start of a page. If that fails the frame is freed.
pub fn map(page: VirtAddr, frame: Frame, access: Access) -> Result<(), MapError> {
    let _changes = CHANGES.lock();
    map_locked(page, frame, access.flags()).map_err(|(error, _)| {
        free_empty_tables(page);
        error
    })
}

/// Maps `pages` fresh frames full of zeros from `start` on. If that fails nothing stays mapped.
pub fn map_fresh(start: VirtAddr, pages: usize, access: Access) -> Result<(), MapError> {
    let _changes = CHANGES.lock();
    for done in 0..pages {
        let page = start + (done * PAGE_SIZE) as u64;
        let result = match frames::allocate_zeroed() {
            Some(frame) => map_locked(page, frame, access.flags()).map_err(|(error, _)| error),
            None => Err(MapError::OutOfMemory),
        };
        if let Err(error) = result {
            unmap_locked(start, done);
            free_empty_tables(page);
            return Err(error);
        }
    }
    Ok(())
}

/// Unmaps `pages` pages from `start` on, frees their frames and the tables that no entry uses any more, and
/// returns how many pages were mapped. Holes are skipped quickly.
pub fn unmap_range(start: VirtAddr, pages: usize) -> usize {
    let _changes = CHANGES.lock();
    unmap_locked(start, pages)
}

/// Unmaps one page and returns its frame.
pub fn unmap(page: VirtAddr) -> Option<Frame> {
    let _changes = CHANGES.lock();
    let (table, entry) = leaf(page)?;
    table.set(index(page, 1), Entry(0));
    arch::paging::flush(page);
    // SAFETY: `map` put the frame into this entry, which has just been removed and flushed.
    let frame = unsafe { Frame::from_entry(entry.address()) };
    free_empty_tables(page);
    Some(frame)
}

fn unmap_locked(start: VirtAddr, pages: usize) -> usize {
    let mut freed = 0;
    if let Some(bytes) = (pages * PAGE_SIZE).checked_sub(1) {
        // The last byte, not the one past it, so that the end of the address space is no special case.
        let range = (start.as_u64(), start.as_u64() + bytes as u64);
        sweep(Table::root(), TOP_LEVEL, range, Sweep::PagesAndTables, &mut freed);
    }
    freed
}

/// Frees the tables on the way to `page` that no entry uses.
fn free_empty_tables(page: VirtAddr) {
    let range = (page.as_u64(), page.as_u64());
    sweep(Table::root(), TOP_LEVEL, range, Sweep::EmptyTables, &mut 0);
}

/// What a walk over a range takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sweep {
    PagesAndTables,
    EmptyTables,
}

/// Walks over `first..=last` below `table` of `level`. Adds the pages it unmapped to `freed`.
fn sweep(table: Table, level: u32, (first, last): (u64, u64), what: Sweep, freed: &mut usize) {
    let mut at = first;
    loop {
        let slot = index(VirtAddr::new_truncate(at), level);
        let end = (at | (span(level) - 1)).min(last);
        if table.get(slot).is_present() {
            sweep_entry(table, slot, level, (at, end), what, freed);
        }
        if end == last {
            return;
        }
        at = end + 1;
    }
}

fn sweep_entry(table: Table, slot: usize, level: u32, range: (u64, u64), what: Sweep, freed: &mut usize) {
    let page = VirtAddr::new_truncate(range.0);
    let entry = table.get(slot);
    if level > 1 {
        assert!(!entry.is_huge(), "{page:?} is part of a huge page, which nobody here maps");
        let below = Table(entry.address());
        sweep(below, level - 1, range, what, freed);
        if !below.is_empty() {
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
    // SAFETY: `map` or `leaf_table` put the frame into this entry, which has just been removed and flushed.
    drop(unsafe { Frame::from_entry(entry.address()) });
}

/// The level 1 table and the present entry for `page`.
fn leaf(page: VirtAddr) -> Option<(Table, Entry)> {
    let mut table = Table::root();
    for level in (2..=TOP_LEVEL).rev() {
        let entry = table.get(index(page, level));
        if !entry.is_present() || entry.is_huge() {
            return None;
        }
        table = Table(entry.address());
    }
    let entry = table.get(index(page, 1));
    entry.is_present().then_some((table, entry))
}

/// Changes the access to `pages` mapped pages from `start` on.
pub fn protect(start: VirtAddr, pages: usize, access: Access) -> Result<(), MapError> {
    let _changes = CHANGES.lock();
    for page in (0..pages).map(|i| start + (i * PAGE_SIZE) as u64) {
        let (table, entry) = leaf(page).ok_or(MapError::NotMapped(page))?;
        table.set(index(page, 1), Entry::new(entry.address(), access.flags()));
        arch::paging::flush(page);
    }
    Ok(())
}

/// The physical address behind `address`, if it is mapped. Takes no lock.
pub fn translate(address: VirtAddr) -> Option<PhysAddr> {
    let mut table = Table::root();
    for level in (1..=TOP_LEVEL).rev() {
        let entry = table.get(index(address, level));
        if !entry.is_present() {
            return None;
        }
        if level == 1 || entry.is_huge() {
            let mask = span(level) - 1;
            return Some(PhysAddr::new((entry.address().as_u64() & !mask) | (address.as_u64() & mask)));
        }
        table = Table(entry.address());
    }
    None
}

/// Maps `pages` pages of device registers, uncached, for good. `address` is the start of a page.
pub fn map_device(address: PhysAddr, pages: usize) -> Result<VirtAddr, MapError> {
    static NEXT: Mutex<u64> = Mutex::new(layout::DEVICES);
    let mut next = NEXT.lock();
    let start = VirtAddr::new(*next);
    let flags = Access::ReadWrite.flags() | Flags::NO_CACHE | Flags::WRITE_THROUGH;
    let _changes = CHANGES.lock();
    for offset in (0..pages).map(|i| (i * PAGE_SIZE) as u64) {
        let page = start + offset;
        leaf_table(page)?.set(index(page, 1), Entry::new(address + offset, flags));
    }
    *next += (pages * PAGE_SIZE) as u64;
    Ok(start)
}

/// Whether no level 4 entry for the `bytes` from `start` on is in use.
pub(super) fn top_level_unused(start: VirtAddr, bytes: u64) -> bool {
    let first = index(start, TOP_LEVEL);
    let count = bytes.div_ceil(span(TOP_LEVEL)) as usize;
    (first..first + count).all(|index| Table::root().get(index).0 == 0)
}

/// Takes back what a loader left that no kernel should have: the lower half, so that null pointers fault, and the
/// right to execute physical memory through its window of `window_bytes`.
#[cfg(feature = "bare")]
pub fn tighten(window_bytes: u64) {
    let _changes = CHANGES.lock();
    let root = Table::root();
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

#[cfg(test)]
mod tests {
    use std::sync::{MutexGuard, Once};

    use super::*;
    use crate::memory::frames::Counts;

    const MEMORY_BYTES: usize = 32 << 20;
    const START: u64 = layout::EXCHANGE_HEAP;

    /// Gives each test the machine's memory, 32 MiB of the host's, for itself.
    fn machine() -> MutexGuard<'static, ()> {
        static ONE_TEST: std::sync::Mutex<()> = std::sync::Mutex::new(());
        static MADE: Once = Once::new();
        let guard = ONE_TEST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        MADE.call_once(|| {
            let memory = Box::leak(vec![0u8; MEMORY_BYTES + PAGE_SIZE].into_boxed_slice());
            let start = (memory.as_ptr() as u64).next_multiple_of(PAGE_SIZE as u64);
            let all = (PhysAddr::new(0), PhysAddr::new(MEMORY_BYTES as u64));
            // SAFETY: the leaked memory is nobody else's, and the window shows just that.
            unsafe {
                crate::memory::set_physical_window(VirtAddr::new(start));
                frames::init([all].into_iter()).unwrap();
            }
            arch::paging::set_root(frames::allocate_zeroed().unwrap().into_entry());
        });
        guard
    }

    fn page(index: u64) -> VirtAddr {
        VirtAddr::new(START) + index * PAGE_SIZE as u64
    }

    fn used_since(before: Counts) -> usize {
        before.free - frames::counts().free
    }

    #[test]
    fn unmapping_gives_back_every_frame_that_mapping_took() {
        let _machine = machine();
        let before = frames::counts();
        map_fresh(page(500), 1100, Access::ReadWrite).unwrap();
        // 1100 pages from 500 on lie in four tables of level 1, under one each of levels 2 and 3.
        assert_eq!(used_since(before), 1100 + 4 + 2);
        assert_eq!(unmap_range(page(500), 700), 700);
        assert_eq!(unmap_range(page(0), 100_000), 400);
        assert_eq!(frames::counts(), before);
    }

    #[test]
    fn a_mapping_that_fails_halfway_leaves_nothing_behind() {
        let _machine = machine();
        let before = frames::counts();
        map_fresh(page(520), 1, Access::ReadOnly).unwrap();
        let with_one = frames::counts();
        assert_eq!(map_fresh(page(0), 1000, Access::ReadWrite), Err(MapError::InUse(page(520))));
        assert_eq!(frames::counts(), with_one);
        assert_eq!(map_fresh(page(1 << 20), MEMORY_BYTES, Access::ReadWrite), Err(MapError::OutOfMemory));
        assert_eq!(frames::counts(), with_one);
        assert!(translate(page(520)).is_some());
        drop(unmap(page(520)).unwrap());
        assert_eq!(frames::counts(), before);
    }

    #[test]
    fn a_page_translates_to_its_frame_from_map_until_unmap() {
        let _machine = machine();
        let frame = frames::allocate().unwrap();
        let address = frame.address();
        map(page(7), frame, Access::ReadOnly).unwrap();
        assert_eq!(translate(page(7) + 5), Some(address + 5));
        assert_eq!(translate(page(8)), None);
        let frame = unmap(page(7)).unwrap();
        assert_eq!(frame.address(), address);
        assert_eq!(translate(page(7)), None);
        assert!(unmap(page(7)).is_none());
    }

    #[test]
    fn no_page_is_both_writable_and_executable() {
        let _machine = machine();
        for first in [Access::ReadOnly, Access::ReadWrite, Access::ReadExecute] {
            map_fresh(page(0), 2, first).unwrap();
            for access in [Access::ReadWrite, Access::ReadExecute, Access::ReadOnly] {
                protect(page(0), 2, access).unwrap();
                for index in 0..2 {
                    let (_, entry) = leaf(page(index)).unwrap();
                    let flags = Flags::from_bits_truncate(entry.0);
                    assert_eq!(flags.contains(Flags::WRITABLE), access == Access::ReadWrite);
                    assert_eq!(!flags.contains(Flags::NO_EXECUTE), access == Access::ReadExecute);
                }
            }
            unmap_range(page(0), 2);
        }
        assert_eq!(protect(page(0), 1, Access::ReadOnly), Err(MapError::NotMapped(page(0))));
    }

    #[test]
    fn fresh_pages_are_zero_although_their_frames_were_written_before() {
        let _machine = machine();
        for _ in 0..2 {
            map_fresh(page(0), 8, Access::ReadWrite).unwrap();
            for index in 0..8 {
                let bytes = physical(translate(page(index)).unwrap());
                // SAFETY: the frame is mapped for this test alone.
                let bytes = unsafe { core::slice::from_raw_parts_mut(bytes, PAGE_SIZE) };
                assert!(bytes.iter().all(|&byte| byte == 0));
                bytes.fill(0xff);
            }
            unmap_range(page(0), 8);
        }
    }
}
