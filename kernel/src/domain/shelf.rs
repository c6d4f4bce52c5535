//! Memory that the kernel and a domain have in common.
//!
//! It is the kernel's, and mapped in the domain as well, at a distance that is the same for all of it. The domain may write there
//! whatever it likes, whenever it runs. So the kernel reads each word once and believes nothing, and keeps what it has to
//! rely on elsewhere. No address that it uses comes from there.

use alloc::alloc::{alloc_zeroed, dealloc};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

use x86_64::VirtAddr;

use crate::memory::PAGE_SIZE;
use crate::memory::layout::{DOMAIN_SHELF, KERNEL_HEAP};
use crate::memory::mapping::Tables;

/// The smallest place.
const SMALLEST: usize = 64;
/// Places of 64, 128, ... 2048 bytes.
const CLASSES: usize = (PAGE_SIZE / SMALLEST).trailing_zeros() as usize;

/// There is no memory for it, or the domain's limit does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What one domain has in common with the kernel.
pub(super) struct Shelf {
    tables: Tables,
    /// Pages that places are cut from, for good.
    cut: Vec<NonNull<u8>>,
    /// Free places of each class.
    free: [Vec<NonNull<u8>>; CLASSES],
    /// Places of whole pages: where, and how many pages.
    whole: Vec<(NonNull<u8>, usize)>,
    pages: usize,
    limit: usize,
}

// SAFETY: the places are the shelf's alone.
unsafe impl Send for Shelf {}

/// Where the domain sees what the kernel has at an address.
pub(super) fn seen_at(address: usize) -> u64 {
    address as u64 - KERNEL_HEAP + DOMAIN_SHELF
}

/// The reverse of [`seen_at`], of an address that it gave.
pub(super) fn kept_at(address: u64) -> usize {
    (address - DOMAIN_SHELF + KERNEL_HEAP) as usize
}

fn pages_at(pages: usize) -> Layout {
    // A shelf has no more pages than memory.
    Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE).expect("it is not larger than memory")
}

impl Shelf {
    /// An empty one, for the domain with these tables, of at most `limit` pages.
    pub(super) fn new(tables: Tables, limit: usize) -> Shelf {
        let free = [const { Vec::new() }; CLASSES];
        Shelf { tables, cut: Vec::new(), free, whole: Vec::new(), pages: 0, limit }
    }

    /// A place of so many bytes, all of them zero, aligned to 64.
    ///
    /// # Errors
    /// [`Full`].
    pub(super) fn take(&mut self, bytes: usize) -> Result<NonNull<u8>, Full> {
        let Some(class) = class_of(bytes) else {
            let pages = bytes.div_ceil(PAGE_SIZE);
            self.whole.try_reserve(1).map_err(|_| Full)?;
            let place = self.map(pages)?;
            self.whole.push((place, pages));
            return Ok(place);
        };
        if self.free[class].is_empty() {
            self.cut(class)?;
        }
        let place = self.free[class].pop().ok_or(Full)?;
        // SAFETY: the place is of this size, and nobody's.
        unsafe { place.write_bytes(0, SMALLEST << class) };
        Ok(place)
    }

    /// Cuts a page into free places.
    fn cut(&mut self, class: usize) -> Result<(), Full> {
        let places = (PAGE_SIZE / SMALLEST) >> class;
        self.cut.try_reserve(1).map_err(|_| Full)?;
        // All that there will ever be of this class: giving one back takes no memory.
        let most = (self.cut.len() + 1) * PAGE_SIZE / SMALLEST;
        self.free[class].try_reserve(most).map_err(|_| Full)?;
        let page = self.map(1)?;
        self.cut.push(page);
        // SAFETY: the places lie in the page.
        self.free[class]
            .extend((0..places).map(|index| unsafe { page.byte_add(index * (SMALLEST << class)) }));
        Ok(())
    }

    fn map(&mut self, pages: usize) -> Result<NonNull<u8>, Full> {
        if self.pages + pages > self.limit {
            return Err(Full);
        }
        // SAFETY: the layout is not empty.
        let memory = NonNull::new(unsafe { alloc_zeroed(pages_at(pages)) }).ok_or(Full)?;
        let address = VirtAddr::from_ptr(memory.as_ptr());
        let seen = VirtAddr::new(seen_at(memory.as_ptr() as usize));
        // SAFETY: the pages are the shelf's; they are unmapped before they are freed.
        if unsafe { self.tables.map_alias(seen, address, pages) }.is_err() {
            // SAFETY: it was allocated so, and nobody refers to it.
            unsafe { dealloc(memory.as_ptr(), pages_at(pages)) };
            return Err(Full);
        }
        self.pages += pages;
        Ok(memory)
    }

    fn unmap(&mut self, memory: NonNull<u8>, pages: usize) {
        self.tables.unmap_range(VirtAddr::new(seen_at(memory.as_ptr() as usize)), pages);
        // SAFETY: `map` allocated it so, and it is not mapped in the domain any more.
        unsafe { dealloc(memory.as_ptr(), pages_at(pages)) };
        self.pages -= pages;
    }

    /// Takes back a place of so many bytes. The caller does not use it any more.
    pub(super) fn give(&mut self, place: NonNull<u8>, bytes: usize) {
        match class_of(bytes) {
            Some(class) => self.free[class].push(place),
            None => {
                if let Some(index) = self.whole.iter().position(|(whole, _)| *whole == place) {
                    let (memory, pages) = self.whole.swap_remove(index);
                    self.unmap(memory, pages);
                }
            }
        }
    }

    /// Pages that it has.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        while let Some((memory, pages)) = self.whole.pop() {
            self.unmap(memory, pages);
        }
        while let Some(page) = self.cut.pop() {
            self.unmap(page, 1);
        }
    }
}

/// The class of places of so many bytes; none if that takes whole pages.
fn class_of(bytes: usize) -> Option<usize> {
    let class = (bytes.max(SMALLEST).next_power_of_two() / SMALLEST).trailing_zeros() as usize;
    (class < CLASSES).then_some(class)
}
