//! The exchange heap and its ledger, without the machine.
//!
//! Blocks come from *slabs*: 64 ledger entries, exactly a page of them, and the memory they describe. A slab's
//! number gives the addresses of both, so an entry's address tells its slab and nothing needs to be searched.
//! A slab of a small class owns 64 places of that size, whose pages are mapped while one of their places is
//! used. A slab of large blocks holds only the entries; each block has a range of whole pages of its own.
//!
//! Ledger data never lies inside a block, and freeing allocates nothing.
//!
//! A holder's account has a mark for each slab, by which it notes where in the ledger it has had something: reclaiming looks
//! at these slabs alone. There can be more slabs than marks, so that slabs far apart share one.

use alloc::vec::Vec;
use core::mem::{offset_of, size_of};
use core::ptr;
use core::slice;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{self, BlockEntry, MARKS, Owner, TRACKED_BLOCK};
use contracts::sabotage::{Bug, planted};

use crate::memory::{PAGE_SIZE, STEP_PAGES};

/// Maps and unmaps the heap's pages.
pub trait Memory {
    /// Maps `pages` pages from `address` on, readable and writable. If it fails nothing is mapped.
    fn map(&mut self, address: usize, pages: usize) -> Result<(), OutOfMemory>;
    /// Unmaps pages that [`Memory::map`] mapped.
    fn unmap(&mut self, address: usize, pages: usize);
}

/// The machine's memory, or the heap's address space, is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// Where the heap lies. All addresses are multiples of [`SLAB_BYTES`].
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Ledger entries: a page for each slab.
    pub ledger: usize,
    /// Small blocks: [`SLAB_BYTES`] for each slab.
    pub small: usize,
    /// Number of slabs that both have room for.
    pub slabs: usize,
    /// Large blocks.
    pub large: usize,
    /// End of the large blocks.
    pub large_end: usize,
    /// The first of the marks of an account that are for this heap, half of all; a multiple of 8.
    pub first_mark: u32,
}

/// Blocks in a slab.
const SLAB_BLOCKS: usize = PAGE_SIZE / size_of::<BlockEntry>();
const SMALLEST: usize = 64;
const LARGEST: usize = 2048;
/// Bytes of address space for a slab's small blocks.
pub const SLAB_BYTES: usize = LARGEST * SLAB_BLOCKS;
/// Classes of 64, 128, ... 2048 bytes.
const SMALL_CLASSES: usize = (LARGEST / SMALLEST).trailing_zeros() as usize + 1;
/// The class of blocks that take whole pages.
const LARGE: usize = SMALL_CLASSES;
const CLASSES: usize = SMALL_CLASSES + 1;
/// Marks of an account that are for one heap.
pub(super) const MARKS_HERE: usize = MARKS / 2;
/// Marks that are looked at in one step.
const WORD_MARKS: usize = size_of::<AtomicU64>();
/// Ranges of 1, 2, 4, ... pages.
const RANGE_CLASSES: usize = 32;

const _: () = assert!(SLAB_BLOCKS == u64::BITS as usize, "a slab's blocks are a word's bits");
const _: () = assert!(
    offset_of!(abi::Account, marks).is_multiple_of(WORD_MARKS) && MARKS_HERE.is_multiple_of(WORD_MARKS),
    "the marks for a heap are words"
);

/// What the heap holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Blocks allocated.
    pub blocks: usize,
    /// Bytes asked for.
    pub bytes: usize,
    /// Pages mapped, ledger included.
    pub pages: usize,
}

struct Slab {
    /// Allocated blocks, a bit each.
    used: u64,
    /// Mapped pages of small blocks, a bit each.
    mapped: u32,
    class: usize,
    next: Option<u32>,
    previous: Option<u32>,
}

/// Free address ranges of one size. There is always room to note another one free.
#[derive(Default)]
struct Ranges {
    free: Vec<usize>,
    made: usize,
}

/// The heap.
pub struct Heap<M> {
    memory: M,
    area: Area,
    slabs: Vec<Slab>,
    /// For each class, the first slab with a free block.
    partial: [Option<u32>; CLASSES],
    /// For each class, an empty slab that is kept for the next allocation.
    spare: [Option<u32>; CLASSES],
    /// The first slab that has no class and no memory.
    idle: Option<u32>,
    ranges: [Ranges; RANGE_CLASSES],
    next_range: usize,
    totals: Totals,
}

/// Pages of a large block.
fn large_pages(size: usize) -> usize {
    size.div_ceil(PAGE_SIZE).max(1)
}

/// The marks that are set among those from `first` on that are for one heap, counted from `first`.
fn marked(holder: &abi::Account, first: usize) -> impl Iterator<Item = usize> {
    let marks = &holder.marks[first..first + MARKS_HERE];
    assert!(first.is_multiple_of(WORD_MARKS));
    // SAFETY: the words are the bytes of `marks`, aligned as asserted above. Bytes of them are written by their holder's
    // threads only, none of which runs meanwhile.
    let words = unsafe { slice::from_raw_parts(marks.as_ptr().cast::<AtomicU64>(), MARKS_HERE / WORD_MARKS) };
    let words = words.iter().map(|word| word.load(Relaxed)).enumerate().filter(|(_, word)| *word != 0);
    words.flat_map(|(at, word)| {
        let set = word.to_ne_bytes().into_iter().enumerate().filter(|(_, mark)| *mark != 0);
        set.map(move |(index, _)| at * WORD_MARKS + index)
    })
}

fn class_of(size: usize, align: usize) -> usize {
    let bytes = size.max(align).max(SMALLEST);
    if bytes > LARGEST { LARGE } else { (bytes.next_power_of_two() / SMALLEST).trailing_zeros() as usize }
}

impl<M: Memory> Heap<M> {
    /// An empty heap; nothing is mapped.
    pub fn new(memory: M, area: Area) -> Self {
        Heap {
            memory,
            area,
            slabs: Vec::new(),
            partial: [None; CLASSES],
            spare: [None; CLASSES],
            idle: None,
            ranges: core::array::from_fn(|_| Ranges::default()),
            next_range: area.large,
            totals: Totals::default(),
        }
    }

    /// What the heap holds.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Bytes that a block of `size` bytes at `align` would take.
    pub fn capacity(size: usize, align: usize) -> usize {
        match class_of(size, align) {
            LARGE => large_pages(size).saturating_mul(PAGE_SIZE),
            class => SMALLEST << class,
        }
    }

    /// As [`Heap::allocate`], in whole pages that it has for itself, whatever its size.
    pub fn allocate_pages(
        &mut self,
        size: usize,
        align: usize,
        holder: &abi::Account,
    ) -> Result<&'static BlockEntry, OutOfMemory> {
        if align > PAGE_SIZE { Err(OutOfMemory) } else { self.allocate_in(LARGE, size, holder) }
    }

    /// A new block of `size` bytes at `align` (a power of two up to a page), contents undefined. Of a large one no more than
    /// [`STEP_PAGES`] are mapped, which is then its capacity; [`Heap::grow`] maps the rest.
    pub fn allocate(
        &mut self,
        size: usize,
        align: usize,
        holder: &abi::Account,
    ) -> Result<&'static BlockEntry, OutOfMemory> {
        if align > PAGE_SIZE {
            return Err(OutOfMemory);
        }
        self.allocate_in(class_of(size, align), size, holder)
    }

    fn allocate_in(
        &mut self,
        class: usize,
        size: usize,
        holder: &abi::Account,
    ) -> Result<&'static BlockEntry, OutOfMemory> {
        let slab = self.slab_with_room(class)?;
        let index = (!self.slabs[slab as usize].used).trailing_zeros() as usize;
        let place = if class == LARGE { self.map_range(size) } else { self.map_place(slab, class, index) };
        match place {
            Ok((address, capacity)) => {
                self.totals.bytes += size;
                Ok(self.enter(slab, index, (address, size, capacity), holder))
            }
            Err(error) => {
                self.keep_or_release(slab);
                Err(error)
            }
        }
    }

    /// Maps more of a large block. Returns by how many bytes its capacity has grown, 0 when all of it is mapped.
    pub fn grow(&mut self, entry: &BlockEntry) -> Result<usize, OutOfMemory> {
        let capacity = entry.capacity.load(Relaxed);
        let missing = large_pages(entry.size.load(Relaxed)) - capacity / PAGE_SIZE;
        let pages = missing.min(STEP_PAGES);
        self.map(entry.address.load(Relaxed) + capacity, pages)?;
        entry.capacity.store(capacity + pages * PAGE_SIZE, Relaxed);
        Ok(pages * PAGE_SIZE)
    }

    /// Unmaps a part of a large block that is to be freed. Returns by how many bytes its capacity has shrunk, 0 when what is
    /// left is freed at one go.
    pub fn shrink(&mut self, entry: &BlockEntry) -> usize {
        let capacity = entry.capacity.load(Relaxed);
        let pages = (capacity / PAGE_SIZE).saturating_sub(STEP_PAGES).min(STEP_PAGES);
        let left = capacity - pages * PAGE_SIZE;
        self.unmap(entry.address.load(Relaxed) + left, pages);
        entry.capacity.store(left, Relaxed);
        pages * PAGE_SIZE
    }

    /// Takes memory that is mapped elsewhere into the ledger, as a block. Freeing it leaves the memory alone.
    pub fn adopt(
        &mut self,
        address: usize,
        size: usize,
        holder: &abi::Account,
    ) -> Result<&'static BlockEntry, OutOfMemory> {
        let slab = self.slab_with_room(LARGE)?;
        let index = (!self.slabs[slab as usize].used).trailing_zeros() as usize;
        self.totals.bytes += size;
        Ok(self.enter(slab, index, (address, size, 0), holder))
    }

    fn enter(
        &mut self,
        slab: u32,
        index: usize,
        (address, size, capacity): (usize, usize, usize),
        holder: &abi::Account,
    ) -> &'static BlockEntry {
        let class = self.slabs[slab as usize].class;
        if self.spare[class] == Some(slab) {
            self.spare[class] = None;
        }
        self.slabs[slab as usize].used |= 1 << index;
        if self.slabs[slab as usize].used == u64::MAX {
            self.unlink(slab);
        }
        self.totals.blocks += 1;
        let entry = self.entry(slab, index);
        let mark = self.area.first_mark + (slab as usize % MARKS_HERE) as u32;
        if !planted(Bug::UnmarkedNew) {
            holder.marks[mark as usize].store(1, Relaxed);
        }
        entry.tracked.kind.store(TRACKED_BLOCK, Relaxed);
        entry.tracked.mark.store(mark, Relaxed);
        entry.tracked.owner.store(holder.owner.load(Relaxed), Relaxed);
        entry.account.store(ptr::from_ref(holder).cast_mut(), Relaxed);
        entry.address.store(address, Relaxed);
        entry.size.store(size, Relaxed);
        entry.capacity.store(capacity, Relaxed);
        entry
    }

    /// Frees a block.
    ///
    /// # Panics
    /// If `entry` is not that of an allocated block.
    pub fn free(&mut self, entry: &BlockEntry) {
        let offset = (core::ptr::from_ref(entry) as usize).wrapping_sub(self.area.ledger);
        let (slab, index) = ((offset / PAGE_SIZE) as u32, offset % PAGE_SIZE / size_of::<BlockEntry>());
        let (address, size) = (entry.address.load(Relaxed), entry.size.load(Relaxed));
        let known = self.slabs.get_mut(slab as usize).filter(|slab| slab.used & 1 << index != 0);
        let known = known.expect("a block that is freed is allocated");
        let was_full = known.used == u64::MAX;
        known.used &= !(1 << index);
        let class = known.class;
        entry.tracked.owner.store(Owner::NOBODY.to_bits(), Relaxed);
        self.totals.blocks -= 1;
        self.totals.bytes -= size;
        if class != LARGE {
            self.unmap_place(slab, class, index);
        } else if entry.capacity.load(Relaxed) != 0 {
            self.unmap_range(address, size, entry.capacity.load(Relaxed));
        }
        if was_full {
            self.link(slab);
        }
        self.keep_or_release(slab);
    }

    /// Every allocated block.
    pub fn blocks(&self) -> impl Iterator<Item = &'static BlockEntry> {
        self.slabs.iter().enumerate().flat_map(move |(slab, info)| {
            let used = (0..SLAB_BLOCKS).filter(move |index| info.used & 1 << index != 0);
            used.map(move |index| self.entry(slab as u32, index))
        })
    }

    /// The slabs that `holder` has marked. Those that share a mark are all among them.
    pub fn marked_slabs<'a>(&self, holder: &'a abi::Account) -> impl Iterator<Item = u32> + use<'a, M> {
        let slabs = self.slabs.len();
        marked(holder, self.area.first_mark as usize)
            .flat_map(move |mark| (mark..slabs).step_by(MARKS_HERE).map(|slab| slab as u32))
    }

    /// The next allocated block of a slab from place `from` on that is `wanted`, and its place.
    pub fn next_in_slab(
        &self,
        slab: u32,
        from: usize,
        wanted: impl Fn(&'static BlockEntry) -> bool,
    ) -> Option<(usize, &'static BlockEntry)> {
        let used = self.slabs.get(slab as usize)?.used;
        let mut rest = used & u64::MAX.checked_shl(from as u32)?;
        while rest != 0 {
            let index = rest.trailing_zeros() as usize;
            let entry = self.entry(slab, index);
            if wanted(entry) {
                return Some((index, entry));
            }
            rest &= rest - 1;
        }
        None
    }

    /// Bytes of the tables that it has besides its pages. They do not shrink.
    #[cfg(feature = "campaign")]
    pub(crate) fn table_bytes(&self) -> usize {
        let ranges: usize =
            self.ranges.iter().map(|ranges| ranges.free.capacity() * size_of::<usize>()).sum();
        self.slabs.capacity() * size_of::<Slab>() + ranges
    }

    /// Gives back what is kept for the next allocation only.
    pub fn trim(&mut self) {
        for class in 0..CLASSES {
            if let Some(slab) = self.spare[class].take() {
                self.release(slab);
            }
        }
    }

    fn entry(&self, slab: u32, index: usize) -> &'static BlockEntry {
        let address = self.area.ledger + slab as usize * PAGE_SIZE + index * size_of::<BlockEntry>();
        // SAFETY: the slab has a class, so its page of entries is mapped and stays so while a block of it is
        // allocated; entries consist of atomics, for which any bytes will do.
        unsafe { &*(address as *const BlockEntry) }
    }

    // Slabs.

    fn slab_with_room(&mut self, class: usize) -> Result<u32, OutOfMemory> {
        if let Some(slab) = self.partial[class] {
            return Ok(slab);
        }
        let slab = match self.idle {
            Some(slab) => slab,
            None if self.slabs.len() == self.area.slabs => return Err(OutOfMemory),
            None => {
                self.slabs.try_reserve(1).map_err(|_| OutOfMemory)?;
                self.slabs.push(Slab { used: 0, mapped: 0, class: CLASSES, next: None, previous: None });
                let slab = self.slabs.len() as u32 - 1;
                self.idle = Some(slab);
                slab
            }
        };
        self.map(self.area.ledger + slab as usize * PAGE_SIZE, 1)?;
        self.idle = self.slabs[slab as usize].next;
        self.slabs[slab as usize].class = class;
        self.link(slab);
        Ok(slab)
    }

    /// Adds a slab to the list of those of its class that have room.
    fn link(&mut self, slab: u32) {
        let class = self.slabs[slab as usize].class;
        let next = self.partial[class].replace(slab);
        self.slabs[slab as usize].next = next;
        self.slabs[slab as usize].previous = None;
        if let Some(next) = next {
            self.slabs[next as usize].previous = Some(slab);
        }
    }

    fn unlink(&mut self, slab: u32) {
        let Slab { class, next, previous, .. } = self.slabs[slab as usize];
        match previous {
            Some(previous) => self.slabs[previous as usize].next = next,
            None => self.partial[class] = next,
        }
        if let Some(next) = next {
            self.slabs[next as usize].previous = previous;
        }
    }

    /// Gives back a slab that is empty, unless its class has no other: the next allocation would have to map it again.
    fn keep_or_release(&mut self, slab: u32) {
        let Slab { used, class, .. } = self.slabs[slab as usize];
        if used != 0 || self.spare[class] == Some(slab) {
            return;
        }
        match self.spare[class] {
            None => self.spare[class] = Some(slab),
            Some(_) => self.release(slab),
        }
    }

    fn release(&mut self, slab: u32) {
        self.unlink(slab);
        let mut mapped = self.slabs[slab as usize].mapped;
        while mapped != 0 {
            let page = mapped.trailing_zeros() as usize;
            mapped &= mapped - 1;
            self.unmap(self.area.small + slab as usize * SLAB_BYTES + page * PAGE_SIZE, 1);
        }
        self.unmap(self.area.ledger + slab as usize * PAGE_SIZE, 1);
        let next = self.idle.replace(slab);
        self.slabs[slab as usize] = Slab { used: 0, mapped: 0, class: CLASSES, next, previous: None };
    }

    // Memory.

    fn map(&mut self, address: usize, pages: usize) -> Result<(), OutOfMemory> {
        self.memory.map(address, pages)?;
        self.totals.pages += pages;
        Ok(())
    }

    fn unmap(&mut self, address: usize, pages: usize) {
        self.memory.unmap(address, pages);
        self.totals.pages -= pages;
    }

    /// Address and size of place `index` of a slab of small blocks, mapped.
    fn map_place(&mut self, slab: u32, class: usize, index: usize) -> Result<(usize, usize), OutOfMemory> {
        let bytes = SMALLEST << class;
        let start = self.area.small + slab as usize * SLAB_BYTES;
        let page = index * bytes / PAGE_SIZE;
        if self.slabs[slab as usize].mapped & 1 << page == 0 {
            self.map(start + page * PAGE_SIZE, 1)?;
            self.slabs[slab as usize].mapped |= 1 << page;
        }
        Ok((start + index * bytes, bytes))
    }

    /// Unmaps the page of a freed place if nothing else lies in it and it is not the slab's last one.
    fn unmap_place(&mut self, slab: u32, class: usize, index: usize) {
        let blocks_in_page = PAGE_SIZE / (SMALLEST << class);
        let page = index / blocks_in_page;
        let in_page = (u64::MAX >> (SLAB_BLOCKS - blocks_in_page)) << (page * blocks_in_page);
        let Slab { used, mapped, .. } = self.slabs[slab as usize];
        if used & in_page == 0 && mapped.count_ones() > 1 {
            self.unmap(self.area.small + slab as usize * SLAB_BYTES + page * PAGE_SIZE, 1);
            self.slabs[slab as usize].mapped &= !(1 << page);
        }
    }

    /// Address of a range for `size` bytes, and how many bytes of it are mapped.
    fn map_range(&mut self, size: usize) -> Result<(usize, usize), OutOfMemory> {
        let pages = large_pages(size);
        let class = pages.checked_next_power_of_two().ok_or(OutOfMemory)?.trailing_zeros() as usize;
        let ranges = self.ranges.get_mut(class).ok_or(OutOfMemory)?;
        let address = match ranges.free.pop() {
            Some(address) => address,
            None => {
                let end = self.next_range.checked_add(PAGE_SIZE << class).ok_or(OutOfMemory)?;
                if end > self.area.large_end {
                    return Err(OutOfMemory);
                }
                // Room to note every range of this class free, now, because freeing must not fail.
                ranges.free.try_reserve(ranges.made + 1).map_err(|_| OutOfMemory)?;
                ranges.made += 1;
                core::mem::replace(&mut self.next_range, end)
            }
        };
        let pages = pages.min(STEP_PAGES);
        if let Err(error) = self.map(address, pages) {
            self.ranges[class].free.push(address);
            return Err(error);
        }
        Ok((address, pages * PAGE_SIZE))
    }

    fn unmap_range(&mut self, address: usize, size: usize, capacity: usize) {
        self.unmap(address, capacity / PAGE_SIZE);
        self.ranges[large_pages(size).next_power_of_two().trailing_zeros() as usize].free.push(address);
    }
}

#[cfg(test)]
mod tests;
