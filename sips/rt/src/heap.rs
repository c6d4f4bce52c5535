//! The SIP's private heap.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Release};

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

/// The allocator of a SIP; it works inside a SIP only.
pub struct Heap {
    talc: UnsafeCell<Talc<Pages, DefaultBinning>>,
    locked: AtomicBool,
}

// SAFETY: the cell is reached only by the thread that has set `locked`.
unsafe impl Sync for Heap {}

impl Heap {
    /// An empty heap; it grows when first used.
    pub const fn new() -> Self {
        Heap { talc: UnsafeCell::new(Talc::new(Pages { end: None })), locked: AtomicBool::new(false) }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Talc<Pages, DefaultBinning>) -> T) -> T {
        while self.locked.swap(true, Acquire) {
            // Another thread of this SIP was preempted while it had the lock.
            (crate::kernel().thread_yield)();
        }
        // SAFETY: only one thread at a time gets here, and it does not come here again before it has left.
        let result = act(unsafe { &mut *self.talc.get() });
        self.locked.store(false, Release);
        result
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: Talc upholds the contract of an allocator; it is entered by one thread at a time.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout is not empty.
        self.with(|talc| unsafe { talc.allocate(layout) }).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` with this layout.
        self.with(|talc| unsafe { talc.deallocate(pointer, layout) });
    }
}
