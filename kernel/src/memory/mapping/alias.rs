//! Aliases: pages that the kernel's space maps, mapped in another space as well.
//!
//! They come and go with messages, so they are mapped and unmapped by runs that lie in one table of level 1, and the tables stay
//! when they are empty: whoever unmaps an alias has them freed later ([`Tables::free_empty`]), or drops the space.

use x86_64::VirtAddr;
use x86_64::structures::paging::PageTableFlags as Flags;

use super::{
    Access, CHANGES, ENTRIES, Entry, MapError, SHARED, TOP_LEVEL, Table, Tables, free_empty_tables, index,
    leaf_table, translate,
};
use crate::arch;
use crate::memory::PAGE_SIZE;

/// More pages than this are forgotten all at once.
const MOST_FLUSHES: usize = 32;

fn nth_page(start: VirtAddr, n: usize) -> VirtAddr {
    start + (n * PAGE_SIZE) as u64
}

/// Pages from this one on in its table of level 1.
fn rest_of_table(page: VirtAddr) -> usize {
    ENTRIES - index(page, 1)
}

impl Table {
    /// The entries from `first` on, of which `count` are in the table.
    fn run(self, first: usize, count: usize) -> *mut Entry {
        assert!(first + count <= ENTRIES);
        self.slot(first)
    }
}

impl Tables {
    /// The level 1 table for `page`, if there is one and it maps pages of its own.
    fn known_leaf(self, page: VirtAddr) -> Option<Table> {
        let mut table = self.root;
        for level in (2..=TOP_LEVEL).rev() {
            let entry = table.get(index(page, level));
            if !entry.is_present() || entry.is_huge() {
                return None;
            }
            table = Table(entry.address());
        }
        Some(table)
    }

    /// Maps what lies at the `pages` pages from `original` on in the kernel's space, from `start` on as well, to be read and
    /// written. If that fails nothing stays mapped.
    ///
    /// # Safety
    /// As long as they are mapped here, the pages stay mapped there; what lies in them is for both to write.
    pub unsafe fn map_alias(self, start: VirtAddr, original: VirtAddr, pages: usize) -> Result<(), MapError> {
        assert!(start.is_aligned(PAGE_SIZE as u64), "{start:?} is not the start of a page");
        let flags = Access::ReadWrite.flags() | self.page | SHARED;
        let _changes = CHANGES.lock();
        let mut done = 0;
        while done < pages {
            let (page, from) = (nth_page(start, done), nth_page(original, done));
            let count = (pages - done).min(rest_of_table(page)).min(rest_of_table(from));
            let mapped = leaf_table(self, page).and_then(|table| map_run(table, page, from, (count, flags)));
            if let Err(error) = mapped {
                unmap_runs(self, start, done);
                free_empty_tables(self, page);
                return Err(error);
            }
            done += count;
        }
        Ok(())
    }

    /// Unmaps an alias of `pages` pages from `start` on. Tables stay.
    pub fn unmap_alias(self, start: VirtAddr, pages: usize) {
        let _changes = CHANGES.lock();
        unmap_runs(self, start, pages);
    }

    /// Frees the tables on the way to `page` that no entry uses.
    pub fn free_empty(self, page: VirtAddr) {
        let _changes = CHANGES.lock();
        free_empty_tables(self, page);
    }
}

/// Maps `count` pages from `page` on, whose table this is. If one fails none stays mapped.
fn map_run(
    table: Table,
    page: VirtAddr,
    from: VirtAddr,
    (count, flags): (usize, Flags),
) -> Result<(), MapError> {
    let to = table.run(index(page, 1), count);
    let known = Tables::kernel().known_leaf(from).map(|source| source.run(index(from, 1), count));
    for n in 0..count {
        let source = match known {
            // SAFETY: the run has so many entries. The pages stay mapped, says the caller of `map_alias`.
            Some(source) => Some(unsafe { source.add(n).read_volatile() }).filter(|entry| entry.is_present()),
            // Part of a huge page.
            None => translate(nth_page(from, n)).map(|address| Entry::new(address, flags)),
        };
        // SAFETY: the run has so many entries, which are the caller's to change.
        let (entry, is_free) = unsafe { (to.add(n), to.add(n).read_volatile().0 == 0) };
        match source {
            // SAFETY: as above.
            Some(source) if is_free => unsafe { entry.write_volatile(Entry::new(source.address(), flags)) },
            other => {
                clear_run(to, n);
                let error = MapError::InUse(nth_page(page, n));
                return Err(other.map_or(MapError::OutOfMemory, |_| error));
            }
        }
    }
    Ok(())
}

/// Clears `count` entries.
fn clear_run(entries: *mut Entry, count: usize) {
    for n in 0..count {
        // SAFETY: the run has so many entries, which are aliases.
        unsafe { entries.add(n).write_volatile(Entry(0)) };
    }
}

fn unmap_runs(tables: Tables, start: VirtAddr, pages: usize) {
    let mut done = 0;
    while done < pages {
        let page = nth_page(start, done);
        let count = (pages - done).min(rest_of_table(page));
        if let Some(table) = tables.known_leaf(page) {
            clear_run(table.run(index(page, 1), count), count);
        }
        done += count;
    }
    if pages <= MOST_FLUSHES {
        (0..pages).for_each(|n| arch::paging::flush(nth_page(start, n)));
    } else {
        arch::paging::flush_space();
    }
}
