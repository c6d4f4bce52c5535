//! Windows: the piece of the address space that one SIP has.
//!
//! ```text
//!   not mapped      private       read-only    private and shared   private                 private
//! +------------+----------------+------------+--------------------+---------+------------+---------------+
//! |            | stack          | start page | image              | heap -> | not mapped | more stacks   |
//! +------------+----------------+------------+--------------------+---------+------------+---------------+
//! start of the window                        base
//! ```
//!
//! In a domain, the window is the whole lower half that there is, and between stack and start page lie two more: a page of
//! its own that GS leads to, and one of the kernel's with a system call for each function of the ABI's table.
//!
//! What a SIP has lies in one piece, so that a small one needs two page tables: one for the window's GiB, and one for the
//! 2 MiB around its base. An overflow of a stack meets what is not mapped.

use core::ops::ControlFlow;

use contracts::abi;
use contracts::sabotage::{Bug, planted};
use x86_64::VirtAddr;

use super::image::{MOST_BYTES, MOST_STACK_BYTES};
use super::images::Image;
use crate::account::Account;
use crate::domain;
use crate::memory::frames::Frame;
use crate::memory::layout::{
    DOMAIN_WINDOW, SIP_IMAGE_OFFSET, SIP_WINDOW_BYTES, SIP_WINDOW_COUNT, sip_window,
};
use crate::memory::mapping::{Access, MapError, Tables};
use crate::memory::slots::Slots;
use crate::memory::space::Space;
use crate::memory::stacks::{Stack, StackError};
use crate::memory::{PAGE_SIZE, STEP_PAGES};

// The start page, the largest stack and its guard page fit below the base, and the largest image above it.
const _: () = assert!(MOST_STACK_BYTES as u64 + 2 * PAGE_SIZE as u64 <= SIP_IMAGE_OFFSET);
const _: () = assert!(SIP_IMAGE_OFFSET + MOST_BYTES <= SIP_WINDOW_BYTES - STACKS_BYTES);

/// Bytes at the end of a window for the stacks of more threads than the first, each with a guard page below.
const STACKS_BYTES: u64 = 128 << 20;

/// Pages that are unmapped in one go, which takes less than mapping them: a small SIP's are all.
const UNMAP_STEP_PAGES: usize = 4 * STEP_PAGES;

/// Where a window is.
#[derive(Debug)]
enum Place {
    /// In the kernel's space, the window of this number.
    Kernel(usize),
    /// In a space of its own.
    Domain(Space),
}

static TAKEN: Slots<{ SIP_WINDOW_COUNT as usize / u64::BITS as usize }> = Slots::new();

/// Windows in the kernel's space that are taken.
#[cfg(feature = "campaign")]
pub(crate) fn count() -> usize {
    TAKEN.count()
}

/// A window.
///
/// Holding one proves that no other SIP has it. Dropping it unmaps whatever is in it.
#[derive(Debug)]
pub(super) struct Window {
    place: Place,
    /// Pages below the base that are in use, at the most.
    below: u32,
    /// Pages of the image and the heap.
    above: u32,
    /// Slots of stacks in use, a bit each.
    stacks: u64,
}

/// All windows are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Window {
    /// Takes the first window that is free.
    pub(super) fn take() -> Result<Window, TooMany> {
        let number = TAKEN.take().ok_or(TooMany)?;
        Ok(Window { place: Place::Kernel(number), below: 0, above: 0, stacks: 0 })
    }

    /// A window in a new space.
    pub(super) fn in_domain() -> Result<Window, MapError> {
        Ok(Window { place: Place::Domain(Space::new()?), below: 0, above: 0, stacks: 0 })
    }

    /// The space, if it is one of its own.
    pub(super) fn space(&self) -> Option<&Space> {
        match &self.place {
            Place::Kernel(_) => None,
            Place::Domain(space) => Some(space),
        }
    }

    fn tables(&self) -> Tables {
        self.space().map_or_else(Tables::kernel, Space::tables)
    }

    fn start(&self) -> VirtAddr {
        match &self.place {
            Place::Kernel(number) => sip_window(*number as u64),
            Place::Domain(_) => VirtAddr::new(DOMAIN_WINDOW),
        }
    }

    /// Pages between the first stack and the base: the start page, and in a domain what stands for the kernel.
    fn pages_of_start(&self) -> usize {
        match &self.place {
            Place::Kernel(_) => 1,
            Place::Domain(_) => 1 + domain::PAGES,
        }
    }

    /// Where the image lies.
    pub(super) fn base(&self) -> VirtAddr {
        self.start() + SIP_IMAGE_OFFSET
    }

    /// Whether `address` lies in the window.
    pub(super) fn contains(&self, address: u64) -> bool {
        address.wrapping_sub(self.start().as_u64()) < SIP_WINDOW_BYTES
    }

    /// Where the start page lies.
    pub(super) fn start_page(&self) -> VirtAddr {
        self.base() - PAGE_SIZE as u64
    }

    /// Maps the start page, once.
    pub(super) fn map_start_page(&mut self, frame: Frame) -> Result<(), MapError> {
        self.below = self.below.max(self.pages_of_start() as u32);
        self.tables().map(self.start_page(), frame, Access::ReadOnly)
    }

    /// Maps what stands for the kernel in a domain. Returns the word in which that finds which of its threads runs.
    pub(super) fn map_gate(&mut self, account: &Account) -> Result<*const abi::Core, MapError> {
        self.below = self.below.max(self.pages_of_start() as u32);
        domain::map_gate(self.tables(), account)
    }

    /// Maps a stack of `pages` pages, once, of at most as many as a manifest may ask for.
    pub(super) fn map_stack(&mut self, pages: usize) -> Result<WindowStack, StackError> {
        let below = pages + self.pages_of_start();
        let guard = self.base() - ((below + 1) * PAGE_SIZE) as u64;
        self.below = below as u32;
        self.map_stack_above(guard, pages)
    }

    /// Maps the stack of another thread, of as many pages as the others; returns the slot that it takes.
    pub(super) fn map_more_stack(&mut self, pages: usize) -> Result<(usize, WindowStack), StackError> {
        let slot = self.stacks.trailing_ones();
        let below = u64::from(slot + 1) * ((pages + 1) * PAGE_SIZE) as u64;
        if slot == u64::BITS || below > STACKS_BYTES {
            return Err(StackError::TooMany);
        }
        let stack = self.map_stack_above(self.start() + (SIP_WINDOW_BYTES - below), pages)?;
        self.stacks |= 1 << slot;
        Ok((slot as usize, stack))
    }

    fn map_stack_above(&self, guard: VirtAddr, pages: usize) -> Result<WindowStack, StackError> {
        match &self.place {
            Place::Kernel(_) => Ok(WindowStack::OfThread(Stack::place(guard, pages)?)),
            Place::Domain(_) => {
                let limit = guard + PAGE_SIZE as u64;
                self.tables().map_fresh(limit, pages, Access::ReadWrite)?;
                Ok(WindowStack::InRing3 { limit, top: limit + (pages * PAGE_SIZE) as u64 })
            }
        }
    }

    /// Gives back the slot of a stack of `pages` pages, on which nothing runs any more.
    pub(super) fn give_stack(&mut self, slot: usize, pages: usize) {
        if let Place::Domain(_) = self.place {
            let below = (slot + 1) * (pages + 1) * PAGE_SIZE;
            let limit = self.start() + (SIP_WINDOW_BYTES - below as u64) + PAGE_SIZE as u64;
            self.tables().unmap_range(limit, pages);
        }
        self.stacks &= !(1 << slot);
    }

    /// Maps the image, once, and before the heap grows.
    ///
    /// # Safety
    /// The window is dropped before the image is.
    pub(super) unsafe fn map_image(&mut self, image: &Image) -> Result<(), MapError> {
        self.above = image.pages() as u32;
        // SAFETY: nothing is mapped above the base yet; passed on to the caller.
        unsafe { image.map(self.tables(), self.base()) }
    }

    /// Takes the next `pages` behind the heap, or behind the image if there is no heap yet, for more of it.
    pub(super) fn take_heap(&mut self, pages: usize) -> Option<HeapPages> {
        // A window has fewer pages than 2^32.
        const MOST: usize = (SIP_WINDOW_BYTES - STACKS_BYTES - SIP_IMAGE_OFFSET) as usize / PAGE_SIZE;
        let above = (self.above as usize).checked_add(pages).filter(|above| *above <= MOST)?;
        let start = self.base() + u64::from(self.above) * PAGE_SIZE as u64;
        self.above = above as u32;
        Some(HeapPages { tables: self.tables(), start, pages })
    }

    /// Gives back what could not be mapped. If there is more behind it by now, it stays a hole.
    pub(super) fn give_heap(&mut self, heap: HeapPages) {
        let end = self.base() + u64::from(self.above) * PAGE_SIZE as u64;
        if heap.end() == end {
            self.above -= heap.pages as u32;
        }
    }

    /// Unmaps some of the last pages that are in use, which nobody uses any more. Breaks off where others may run; what is
    /// left is for the next call.
    pub(super) fn unmap(&mut self, mut pause: impl FnMut() -> ControlFlow<()>) -> ControlFlow<()> {
        // A space gives back what is in it by itself.
        if self.space().is_some() {
            return ControlFlow::Continue(());
        }
        loop {
            let (start, pages) = self.in_use();
            let step = pages.min(UNMAP_STEP_PAGES);
            // The bug forgets the last page.
            let unmapped = if planted(Bug::LeakedPage) { step.saturating_sub(1) } else { step };
            self.tables().unmap_range(start + ((pages - step) * PAGE_SIZE) as u64, unmapped);
            let above = step.min(self.above as usize);
            self.above -= above as u32;
            self.below -= (step - above) as u32;
            if step == pages {
                return ControlFlow::Continue(());
            }
            pause()?;
        }
    }

    /// Where it is in use: the first page, and how many there are at the most.
    fn in_use(&self) -> (VirtAddr, usize) {
        let below = self.below as usize;
        (self.base() - (below * PAGE_SIZE) as u64, below + self.above as usize)
    }

    /// Number of page tables that serve the window alone.
    pub(super) fn page_tables(&self) -> usize {
        let (start, pages) = self.in_use();
        let to_the_end = (self.start() + SIP_WINDOW_BYTES - start) as usize / PAGE_SIZE;
        // A space has one of level 3 and a root of its own.
        let own = if self.space().is_some() { 2 } else { 0 };
        own + self.tables().tables_for(start, if self.stacks == 0 { pages } else { to_the_end })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.unmap(|| ControlFlow::Continue(()));
        if let Place::Kernel(number) = self.place {
            TAKEN.give(number);
        }
    }
}

/// Pages of a window that are to become heap. They are in use from when they are taken: what is mapped of them goes with the
/// window.
pub(super) struct HeapPages {
    tables: Tables,
    start: VirtAddr,
    pages: usize,
}

impl HeapPages {
    /// Where they begin.
    pub(super) fn start(&self) -> VirtAddr {
        self.start
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.pages
    }

    fn end(&self) -> VirtAddr {
        self.start + (self.pages * PAGE_SIZE) as u64
    }

    /// Maps them, once, and calls `pause` between two steps. If that fails none stays mapped.
    pub(super) fn map(&self, mut pause: impl FnMut()) -> Result<(), MapError> {
        let mut done = 0;
        while done < self.pages {
            let step = (self.pages - done).min(STEP_PAGES);
            let start = self.start + (done * PAGE_SIZE) as u64;
            if let Err(error) = self.tables.map_fresh(start, step, Access::ReadWrite) {
                self.tables.unmap_range(self.start, done);
                return Err(error);
            }
            done += step;
            pause();
        }
        Ok(())
    }
}

/// The stack of a thread.
pub(super) enum WindowStack {
    /// All that it has.
    OfThread(Stack),
    /// What it has in ring 3; the window gives it back.
    InRing3 {
        /// Its lowest address. Below it nothing is mapped.
        limit: VirtAddr,
        /// Past its highest address.
        top: VirtAddr,
    },
}
