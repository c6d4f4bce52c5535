//! Physical frames, the mappings of the kernel's address space and of domains, and what is built from them: the kernel's heap and
//! stacks.
//!
//! Lock order: the heap's lock, then the mappings', then the frames'. Under any of them nothing is allocated and
//! nothing is logged.

use core::sync::atomic::{AtomicU64, Ordering};

pub use x86_64::{PhysAddr, VirtAddr};

#[cfg(feature = "campaign")]
pub(crate) mod famine;
pub mod frames;
#[cfg(feature = "bare")]
pub mod heap;
pub mod layout;
pub mod mapping;
pub mod slots;
pub mod space;
pub mod stacks;

/// Bytes in a page and in a frame.
pub const PAGE_SIZE: usize = 4096;
/// Pages that are mapped or unmapped in one go by work that others may interrupt, see `sched::relax`.
pub const STEP_PAGES: usize = 16;

/// Where all physical memory is mapped; 0 until [`set_physical_window`].
static PHYSICAL_WINDOW: AtomicU64 = AtomicU64::new(0);

/// Says where physical address 0 is mapped.
///
/// # Safety
/// All physical memory that the caller goes on to use is mapped from `start` on, for good and writable.
pub unsafe fn set_physical_window(start: VirtAddr) {
    PHYSICAL_WINDOW.store(start.as_u64(), Ordering::Relaxed);
}

/// Memory is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted;

/// Asked before anything is begun that takes memory of the kernel's: a channel, a set, a thread, a process, a long answer.
///
/// # Errors
/// [`Exhausted`] if nothing is left but the reserve, which is for what has been begun.
pub fn admit() -> Result<(), Exhausted> {
    if is_refused() || frames::are_exhausted() { Err(Exhausted) } else { Ok(()) }
}

/// Whether the campaign of the tests has memory refused now.
#[inline]
pub(crate) fn is_refused() -> bool {
    #[cfg(feature = "campaign")]
    return famine::refuses();
    #[cfg(not(feature = "campaign"))]
    false
}

/// Where the window on physical memory starts.
pub fn physical_window() -> VirtAddr {
    VirtAddr::new_truncate(PHYSICAL_WINDOW.load(Ordering::Relaxed))
}

/// A pointer to physical memory, through the window. What lies there belongs to somebody: using the pointer is
/// what needs care.
pub fn physical(address: PhysAddr) -> *mut u8 {
    (PHYSICAL_WINDOW.load(Ordering::Relaxed) + address.as_u64()) as *mut u8
}
