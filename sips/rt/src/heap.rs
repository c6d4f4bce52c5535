//! The SIP's private heap.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;
use talc::{DefaultBinning, min_first_heap_size};

const PAGE: usize = 4096;

/// Gets pages from the kernel, each time right behind those it has.
#[derive(Debug)]
struct Pages {
    end: Option<NonNull<u8>>,
}

// SAFETY: memory comes from the kernel alone; the allocator is reached through the given reference only.
unsafe impl Source for Pages {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let wanted = layout.size() + layout.align() + min_first_heap_size::<DefaultBinning>();
        let pages = wanted.div_ceil(PAGE);
        let start = NonNull::new((crate::kernel().memory_grow)(pages)).ok_or(())?;
        // SAFETY: the pages are fresh, ours, and follow the earlier ones.
        let end = unsafe {
            match talc.source.end {
                Some(end) => Some(talc.extend(end, start.as_ptr().add(pages * PAGE))),
                None => talc.claim(start.as_ptr(), pages * PAGE),
            }
        };
        talc.source.end = end;
        end.map(drop).ok_or(())
    }
}

/// The allocator of a SIP with one thread; it works inside a SIP only.
pub struct Heap(UnsafeCell<Talc<Pages, DefaultBinning>>);

// SAFETY: a SIP has one thread, and the allocator never waits or calls back into the SIP.
unsafe impl Sync for Heap {}

impl Heap {
    /// An empty heap; it grows when first used.
    pub const fn new() -> Self {
        Heap(UnsafeCell::new(Talc::new(Pages { end: None })))
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: Talc upholds the contract of an allocator; it is entered by one thread at a time (see `Sync`).
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference is alive; the caller's layout is not empty.
        unsafe { (*self.0.get()).allocate(layout) }.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `alloc` with this layout.
        unsafe { (*self.0.get()).deallocate(pointer, layout) }
    }
}
