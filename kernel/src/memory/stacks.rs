//! Stacks with an unmapped page below: an overflow faults instead of spreading.

use contracts::sabotage::{Bug, planted};
use x86_64::VirtAddr;

use super::mapping::{self, Access, MapError};
use super::slots::Slots;
use super::{PAGE_SIZE, layout};

/// Bytes from one slot of the kernel's stacks area to the next. A stack ends where its slot does.
const SLOT_BYTES: u64 = 1 << 20;
const SLOTS: usize = 4096;
/// Pages of the largest stack: all of a slot but its guard.
pub const MOST_PAGES: usize = SLOT_BYTES as usize / PAGE_SIZE - 1;

static TAKEN: Slots<{ SLOTS / u64::BITS as usize }> = Slots::new();

/// Stacks in the kernel's stacks area.
#[cfg(feature = "campaign")]
pub(crate) fn count() -> usize {
    TAKEN.count()
}

/// Why there is no new stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackError {
    /// All slots of the stacks area are in use.
    TooMany,
    /// More than [`MOST_PAGES`] were asked for, or none.
    BadSize,
    /// The pages could not be mapped.
    Map(MapError),
}

impl From<MapError> for StackError {
    fn from(error: MapError) -> StackError {
        StackError::Map(error)
    }
}

/// Holding one proves that these pages are mapped, writable and nobody else's, and that the page below them is
/// not mapped. Dropping it unmaps them: nothing may run on it any more.
#[derive(Debug)]
pub struct Stack {
    limit: VirtAddr,
    pages: usize,
    slot: Option<usize>,
}

impl Stack {
    /// A stack of `pages` pages of 4096 bytes for a kernel thread.
    pub fn allocate(pages: usize) -> Result<Stack, StackError> {
        if !(1..=MOST_PAGES).contains(&pages) {
            return Err(StackError::BadSize);
        }
        let slot = TAKEN.take().ok_or(StackError::TooMany)?;
        let end = VirtAddr::new(layout::KERNEL_STACKS + (slot as u64 + 1) * SLOT_BYTES);
        let limit = end - (pages * PAGE_SIZE) as u64;
        if let Err(error) = mapping::map_fresh(limit, pages, Access::ReadWrite) {
            TAKEN.give(slot);
            return Err(error.into());
        }
        Ok(Stack { limit, pages, slot: Some(slot) })
    }

    /// A stack inside an area of the caller's: the page at `guard` stays unmapped, and the stack's `pages` pages
    /// follow it. The caller keeps `guard` unmapped for as long as the stack lives.
    pub fn place(guard: VirtAddr, pages: usize) -> Result<Stack, StackError> {
        if pages == 0 {
            return Err(StackError::BadSize);
        }
        let limit = guard + PAGE_SIZE as u64;
        mapping::map_fresh(limit, pages, Access::ReadWrite)?;
        Ok(Stack { limit, pages, slot: None })
    }

    /// Its lowest usable address.
    pub fn limit(&self) -> VirtAddr {
        self.limit
    }

    /// The address past its highest byte: where an empty stack's pointer stands. A multiple of 4096.
    pub fn top(&self) -> VirtAddr {
        self.limit + (self.pages * PAGE_SIZE) as u64
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: u64) -> bool {
        (self.limit.as_u64()..self.top().as_u64()).contains(&address)
    }

    /// The word at `address`, if all of it lies in the stack, at a multiple of its size. Nothing runs on the stack
    /// meanwhile, or the word is one that stays as it is.
    pub fn word(&self, address: u64) -> Option<u64> {
        if !self.contains(address) || !address.is_multiple_of(size_of::<u64>() as u64) {
            return None;
        }
        // SAFETY: the stack's pages are mapped, and any bytes make a word.
        Some(unsafe { (address as *const u64).read_volatile() })
    }

    /// Its size in pages of 4096 bytes, the guard not counted.
    pub fn pages(&self) -> usize {
        self.pages
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !planted(Bug::LeakedStack) || self.slot.is_some() {
            mapping::unmap_range(self.limit, self.pages);
        }
        if let Some(slot) = self.slot {
            TAKEN.give(slot);
        }
    }
}

/// Whether `address` lies in the kernel's stacks area, but in no stack: whoever touched it ran off a stack's end.
pub fn is_guard(address: VirtAddr) -> bool {
    let area = layout::KERNEL_STACKS..layout::KERNEL_STACKS + SLOTS as u64 * SLOT_BYTES;
    area.contains(&address.as_u64()) && mapping::translate(address).is_none()
}
