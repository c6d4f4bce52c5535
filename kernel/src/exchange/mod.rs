//! The exchange heap of the running system: where blocks live that may cross from SIP to SIP.

mod heap;

use core::ops::ControlFlow;
use core::sync::atomic::Ordering::Relaxed;

use conquer_once::spin::OnceCell;
use contracts::abi::{self, BlockEntry, Owner};
use spin::Mutex;
use x86_64::VirtAddr;

pub use heap::{Area, Heap, Memory, OutOfMemory, SLAB_BYTES, Totals};

use crate::account::{self, Account};
use crate::memory::layout::{CHANNEL_HEAP, EXCHANGE_HEAP, EXCHANGE_HEAP_BYTES};
use crate::memory::mapping::{self, Access};
use crate::memory::{self, PAGE_SIZE};

/// Pages of the kernel's address space.
pub(crate) struct KernelPages;

impl Memory for KernelPages {
    fn map(&mut self, address: usize, pages: usize) -> Result<(), OutOfMemory> {
        let start = VirtAddr::new(address as u64);
        mapping::map_fresh(start, pages, Access::ReadWrite).map_err(|_| OutOfMemory)
    }

    fn unmap(&mut self, address: usize, pages: usize) {
        mapping::unmap_range(VirtAddr::new(address as u64), pages);
    }
}

/// Where blocks lie.
const BLOCKS: Area = area(EXCHANGE_HEAP as usize, 0);
/// Where channels lie: they are found by their holders like blocks.
const CHANNELS: Area = area(CHANNEL_HEAP as usize, heap::MARKS_HERE as u32);

const fn area(start: usize, first_mark: u32) -> Area {
    let slabs = 2 << 20;
    let (small, large) = (start + (64 << 30), start + (512 << 30));
    assert!(small + slabs * SLAB_BYTES <= large);
    Area { ledger: start, small, slabs, large, large_end: start + EXCHANGE_HEAP_BYTES as usize, first_mark }
}

/// A heap of the running system.
pub struct SystemHeap {
    area: Area,
    heap: OnceCell<Mutex<Heap<KernelPages>>>,
}

static HEAP: SystemHeap = SystemHeap { area: BLOCKS, heap: OnceCell::uninit() };

/// Memory for channels.
pub(crate) static CHANNEL_MEMORY: SystemHeap = SystemHeap { area: CHANNELS, heap: OnceCell::uninit() };

impl SystemHeap {
    fn capacity(size: usize, align: usize) -> usize {
        Heap::<KernelPages>::capacity(size, align)
    }

    /// Acts on the heap, locked.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Heap<KernelPages>) -> T) -> T {
        act(&mut self.heap.get_or_init(|| Mutex::new(Heap::new(KernelPages, self.area))).lock())
    }

    /// Shows each block in the slabs that `holder` has marked, if it is `wanted`, until `each` breaks off. The heap is not
    /// locked while one is shown, so that blocks may be freed.
    pub(crate) fn for_marked(
        &self,
        holder: &abi::Account,
        wanted: impl Fn(&'static BlockEntry) -> bool,
        mut each: impl FnMut(&'static BlockEntry) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for slab in self.with(|heap| heap.marked_slabs(holder)) {
            let mut from = 0;
            while let Some((index, entry)) = self.with(|heap| heap.next_in_slab(slab, from, &wanted)) {
                from = index + 1;
                each(entry)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// A new block of `size` bytes at `align` (a power of two up to a page), contents undefined, which counts against the
/// account of its owner. A large one takes shape in steps, between which `pause` is called; it is in the ledger from the
/// first on, so that the caller may end at any of them.
pub fn allocate(
    size: usize,
    align: usize,
    holder: &'static Account,
    pause: impl FnMut(),
) -> Result<&'static BlockEntry, AllocateError> {
    let capacity = SystemHeap::capacity(size, align);
    make(capacity, holder, pause, |heap| heap.allocate(size, align, holder.shared()))
}

/// As [`allocate`], in whole pages that the block has for itself, so that they can be mapped in a domain.
pub fn allocate_pages(
    size: usize,
    align: usize,
    holder: &'static Account,
    pause: impl FnMut(),
) -> Result<&'static BlockEntry, AllocateError> {
    let capacity = SystemHeap::capacity(size.max(PAGE_SIZE), align);
    make(capacity, holder, pause, |heap| heap.allocate_pages(size, align, holder.shared()))
}

/// A block of this capacity, which `allocate` begins.
fn make(
    capacity: usize,
    holder: &'static Account,
    mut pause: impl FnMut(),
    allocate: impl FnOnce(&mut Heap<KernelPages>) -> Result<&'static BlockEntry, OutOfMemory>,
) -> Result<&'static BlockEntry, AllocateError> {
    if memory::is_refused() {
        return Err(AllocateError::OutOfMemory);
    }
    holder.charge_block(capacity).map_err(|account::OverLimit| AllocateError::OverLimit)?;
    let entry = HEAP.with(allocate).inspect_err(|_| {
        holder.give_up(capacity);
    })?;
    let mut mapped = entry.capacity.load(Relaxed);
    holder.mapped(mapped);
    while mapped < capacity {
        pause();
        match HEAP.with(|heap| heap.grow(entry)) {
            Ok(bytes) => {
                holder.mapped(bytes);
                mapped += bytes;
            }
            Err(error) => {
                holder.give_up(capacity - mapped);
                free(entry, pause);
                return Err(error.into());
            }
        }
    }
    Ok(entry)
}

/// Why there is no new block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocateError {
    /// The owner's limit does not allow it.
    OverLimit,
    /// The machine's memory, or the heap's address space, is used up.
    OutOfMemory,
}

impl From<OutOfMemory> for AllocateError {
    fn from(_: OutOfMemory) -> Self {
        AllocateError::OutOfMemory
    }
}

/// Takes memory that is mapped for good into the ledger, as a block of the kernel's. It counts against nobody. When it is
/// freed the memory stays as it is, and can be adopted again.
///
/// # Errors
/// [`AdoptError::Taken`] if a block lies there already.
pub fn adopt(address: usize, size: usize) -> Result<&'static BlockEntry, AdoptError> {
    HEAP.with(|heap| {
        if heap.blocks().any(|entry| entry.address.load(Relaxed) == address) {
            return Err(AdoptError::Taken);
        }
        heap.adopt(address, size, account::KERNEL.shared()).map_err(|OutOfMemory| AdoptError::OutOfMemory)
    })
}

/// Why memory was not adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptError {
    /// It is a block.
    Taken,
    /// There is no memory for an entry of the ledger.
    OutOfMemory,
}

/// Frees a block, whose owner gives it up. A large one goes in steps, between which `pause` is called; it stays in the
/// ledger until the last, so that the caller may end at any of them.
///
/// # Panics
/// If it is not allocated.
pub fn free(entry: &BlockEntry, mut pause: impl FnMut()) {
    while free_step(entry) == Step::More {
        pause();
    }
}

/// How much a step has left to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Last,
}

/// A step of [`free`].
fn free_step(entry: &BlockEntry) -> Step {
    // SAFETY: the block counts against this account.
    let payer = unsafe { Account::of(entry.account.load(Relaxed)) };
    match HEAP.with(|heap| heap.shrink(entry)) {
        0 => {
            let capacity = entry.capacity.load(Relaxed);
            HEAP.with(|heap| heap.free(entry));
            payer.discharge_block(capacity);
            Step::Last
        }
        bytes => {
            payer.discharge_block(bytes);
            Step::More
        }
    }
}

/// Frees all blocks of an account whose SIP is gone, and what the heap keeps for the next allocation only; adds to `freed`
/// how many. It calls `pause` from time to time, and breaks off where that does: then it is to be called again.
pub fn reclaim(
    holder: &Account,
    freed: &mut usize,
    mut pause: impl FnMut() -> ControlFlow<()>,
) -> ControlFlow<()> {
    holder.give_up_all();
    let owner = holder.owner().to_bits();
    let is_its = |entry: &BlockEntry| entry.tracked.owner.load(Relaxed) == owner;
    HEAP.for_marked(holder.shared(), is_its, |entry| {
        while free_step(entry) == Step::More {
            pause()?;
        }
        *freed += 1;
        pause()
    })?;
    HEAP.with(Heap::trim);
    ControlFlow::Continue(())
}

/// Gives back what blocks and channels have kept for the next of them only. Returns the bytes of the heaps' tables.
#[cfg(feature = "campaign")]
pub(crate) fn trim() -> usize {
    let trim = |heap: &mut Heap<KernelPages>| {
        heap.trim();
        heap.table_bytes()
    };
    HEAP.with(trim) + CHANNEL_MEMORY.with(trim)
}

/// What the heap holds, and every block with its owner and size, at one instant.
pub fn survey(mut each: impl FnMut(Owner, usize)) -> Totals {
    survey_entries(|entry| {
        each(Owner::from_bits(entry.tracked.owner.load(Relaxed)), entry.size.load(Relaxed));
    })
}

/// What the heap holds, and the ledger's entry of every block, at one instant.
pub fn survey_entries(each: impl FnMut(&BlockEntry)) -> Totals {
    HEAP.with(|heap| {
        heap.blocks().for_each(each);
        heap.totals()
    })
}
