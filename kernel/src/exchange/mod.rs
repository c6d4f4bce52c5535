//! The exchange heap of the running system: where blocks live that may cross from SIP to SIP.

mod heap;

use core::sync::atomic::Ordering::Relaxed;

use conquer_once::spin::OnceCell;
use contracts::abi::{BlockEntry, Owner};
use spin::Mutex;
use x86_64::VirtAddr;

pub use heap::{Area, Heap, Memory, OutOfMemory, SLAB_BYTES, Totals};

use crate::memory::layout::{EXCHANGE_HEAP, EXCHANGE_HEAP_BYTES};
use crate::memory::mapping::{self, Access};

/// Pages of the kernel's address space.
struct KernelPages;

impl Memory for KernelPages {
    fn map(&mut self, address: usize, pages: usize) -> Result<(), OutOfMemory> {
        let start = VirtAddr::new(address as u64);
        mapping::map_fresh(start, pages, Access::ReadWrite).map_err(|_| OutOfMemory)
    }

    fn unmap(&mut self, address: usize, pages: usize) {
        mapping::unmap_range(VirtAddr::new(address as u64), pages);
    }
}

const AREA: Area = {
    let start = EXCHANGE_HEAP as usize;
    let slabs = 2 << 20;
    Area {
        ledger: start,
        small: start + (64 << 30),
        slabs,
        large: start + (512 << 30),
        large_end: start + EXCHANGE_HEAP_BYTES as usize,
    }
};
const _: () = assert!(AREA.small + AREA.slabs * SLAB_BYTES <= AREA.large);

static HEAP: OnceCell<Mutex<Heap<KernelPages>>> = OnceCell::uninit();

fn with<T>(act: impl FnOnce(&mut Heap<KernelPages>) -> T) -> T {
    act(&mut HEAP.get_or_init(|| Mutex::new(Heap::new(KernelPages, AREA))).lock())
}

/// A new block of `size` bytes at `align` (a power of two up to a page), contents undefined.
pub fn allocate(size: usize, align: usize, owner: Owner) -> Result<&'static BlockEntry, OutOfMemory> {
    with(|heap| heap.allocate(size, align, owner))
}

/// Takes memory that is mapped for good into the ledger, as a block.
pub fn adopt(address: usize, size: usize, owner: Owner) -> Result<&'static BlockEntry, OutOfMemory> {
    with(|heap| heap.adopt(address, size, owner))
}

/// Frees a block, whose owner gives it up.
///
/// # Panics
/// If it is not allocated.
pub fn free(entry: &BlockEntry) {
    with(|heap| heap.free(entry));
}

/// Frees all blocks of `owner`, and what the heap keeps for the next allocation only. Returns how many.
pub fn reclaim(owner: Owner) -> usize {
    with(|heap| {
        let freed = heap.reclaim(owner);
        heap.trim();
        freed
    })
}

/// What the heap holds, and every block with its owner and size, at one instant.
pub fn survey(mut each: impl FnMut(Owner, usize)) -> Totals {
    survey_entries(|entry| {
        each(Owner::from_bits(entry.tracked.owner.load(Relaxed)), entry.size.load(Relaxed));
    })
}

/// What the heap holds, and the ledger's entry of every block, at one instant.
pub fn survey_entries(each: impl FnMut(&BlockEntry)) -> Totals {
    with(|heap| {
        heap.blocks().for_each(each);
        heap.totals()
    })
}
