//! The kernel's heap: talc over pages that are mapped as it grows.
//!
//! Much of what the kernel allocates is small and cannot fail halfway. So what is new asks first whether memory is left
//! ([`super::admit`]), and what has been begun may use the reserve.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
#[cfg(feature = "campaign")]
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::Mutex;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;
use x86_64::VirtAddr;

use super::mapping::{self, Access};
use super::{PAGE_SIZE, frames, layout};

/// The heap grows by at least this much, if memory allows.
const GROWTH_BYTES: usize = 64 * 1024;
/// What talc needs beside the allocation itself, its first metadata included.
const OVERHEAD_BYTES: usize = 8 * 1024;

/// Maps more pages at the heap's end.
#[derive(Debug)]
struct Grow {
    mapped: usize,
    /// Where talc's heap ends; 0 before the first claim.
    heap_end: usize,
    /// Whether it does not grow, see [`fill_holes`].
    #[cfg(feature = "campaign")]
    is_closed: bool,
}

impl Grow {
    const fn new() -> Grow {
        Grow {
            mapped: 0,
            heap_end: 0,
            #[cfg(feature = "campaign")]
            is_closed: false,
        }
    }
}

// SAFETY: `acquire` maps pages, which allocates nothing from this heap.
unsafe impl Source for Grow {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        #[cfg(feature = "campaign")]
        if talc.source.is_closed {
            return Err(());
        }
        let needed = (layout.size() + layout.align() + OVERHEAD_BYTES).next_multiple_of(PAGE_SIZE);
        let start = VirtAddr::new(layout::KERNEL_HEAP + talc.source.mapped as u64);
        let grow = |bytes: usize| {
            mapping::map_fresh(start, bytes / PAGE_SIZE, Access::ReadWrite).is_ok().then_some(bytes)
        };
        // What the kernel has begun when memory was left, it can go through with.
        let bytes = grow(needed.next_multiple_of(GROWTH_BYTES))
            .or_else(|| grow(needed))
            .or_else(|| frames::with_reserve(|| grow(needed)))
            .ok_or(())?;
        talc.source.mapped += bytes;
        let end = (start + bytes as u64).as_mut_ptr::<u8>();
        let heap_end = match NonNull::new(talc.source.heap_end as *mut u8) {
            // SAFETY: the pages were just mapped, are the heap's alone, and the first claim holds its metadata.
            None => unsafe { talc.claim(start.as_mut_ptr(), bytes) }.ok_or(())?,
            // SAFETY: the pages were just mapped right behind the heap, whose end this is since it last grew.
            Some(heap_end) => unsafe { talc.extend(heap_end, end) },
        };
        talc.source.heap_end = heap_end.as_ptr() as usize;
        Ok(())
    }
}

/// The global allocator.
struct KernelHeap {
    talc: Mutex<Talc<Grow, DefaultBinning>>,
    in_use: AtomicUsize,
}

#[global_allocator]
static HEAP: KernelHeap =
    KernelHeap { talc: Mutex::new(Talc::new(Grow::new())), in_use: AtomicUsize::new(0) };

/// Bytes that are allocated now, as they were asked for.
pub fn bytes_in_use() -> usize {
    HEAP.in_use.load(Ordering::Relaxed)
}

/// Bytes of pages that the heap has mapped. It does not shrink.
pub fn bytes_mapped() -> usize {
    HEAP.talc.lock().source.mapped
}

/// Frames that the heap has, with those of the page tables for them alone.
#[cfg(feature = "campaign")]
pub(crate) fn frames() -> usize {
    let pages = bytes_mapped() / PAGE_SIZE;
    pages + mapping::Tables::kernel().tables_for(VirtAddr::new(layout::KERNEL_HEAP), pages)
}

/// What is written over all that is freed, for the campaign of the tests: an address of such bytes is none.
#[cfg(feature = "campaign")]
const FREED: u8 = 0xa5;

/// A free place of the heap that was taken. They are chained through themselves.
#[cfg(feature = "campaign")]
#[repr(C)]
struct Hole {
    next: *mut Hole,
    bytes: usize,
}

#[cfg(feature = "campaign")]
static HOLES: AtomicPtr<Hole> = AtomicPtr::new(ptr::null_mut());

#[cfg(feature = "campaign")]
fn hole_of(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, align_of::<Hole>()).expect("it is no larger than the heap")
}

/// Takes all that the heap has free, unless it is in use just now.
#[cfg(feature = "campaign")]
pub(super) fn fill_holes() {
    const LARGEST: usize = 4 << 20;
    let Some(mut talc) = HEAP.talc.try_lock() else { return };
    talc.source.is_closed = true;
    let mut bytes = LARGEST;
    while bytes >= size_of::<Hole>() {
        // SAFETY: the layout is not empty.
        match unsafe { talc.allocate(hole_of(bytes)) } {
            Some(place) => {
                let hole = place.cast::<Hole>();
                // SAFETY: the place is fresh, and has room for it.
                unsafe { hole.write(Hole { next: HOLES.load(Ordering::Relaxed), bytes }) };
                HOLES.store(hole.as_ptr(), Ordering::Relaxed);
            }
            None => bytes /= 2,
        }
    }
    talc.source.is_closed = false;
}

/// Takes back [`fill_holes`].
#[cfg(feature = "campaign")]
pub(super) fn empty_holes() {
    let mut talc = HEAP.talc.lock();
    while let Some(hole) = NonNull::new(HOLES.load(Ordering::Relaxed)) {
        // SAFETY: it was written when it was chained.
        let Hole { next, bytes } = unsafe { hole.read() };
        HOLES.store(next, Ordering::Relaxed);
        // SAFETY: it was allocated so, and nobody refers to it any more.
        unsafe { talc.deallocate(hole.as_ptr().cast(), hole_of(bytes)) };
    }
}

// SAFETY: talc upholds the contract; the lock serialises calls, and interrupt handlers do not allocate.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises that the size is not zero.
        match unsafe { self.talc.lock().allocate(layout) } {
            Some(pointer) => {
                self.in_use.fetch_add(layout.size(), Ordering::Relaxed);
                pointer.as_ptr()
            }
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // Whoever uses it after all is to be found out.
        #[cfg(feature = "campaign")]
        // SAFETY: the caller gives these bytes up.
        unsafe {
            pointer.write_bytes(FREED, layout.size())
        };
        // SAFETY: the caller promises that `pointer` came from here with this layout.
        unsafe { self.talc.lock().deallocate(pointer, layout) };
        self.in_use.fetch_sub(layout.size(), Ordering::Relaxed);
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `pointer` came from here with this layout and the size is not zero.
        if unsafe { self.talc.lock().try_realloc_in_place(pointer, layout, new_size) } {
            self.in_use.fetch_add(new_size.wrapping_sub(layout.size()), Ordering::Relaxed);
            return pointer;
        }
        // SAFETY: the caller promises that the new size makes a valid layout.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: as above; the areas are two allocations, each at least as long as what is copied.
        unsafe {
            let new = self.alloc(new_layout);
            if !new.is_null() {
                new.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}
