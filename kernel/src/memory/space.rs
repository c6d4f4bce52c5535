//! A domain's address space: a lower half of its own, and the kernel's upper half, which ring 3 cannot use.
//!
//! The kernel reaches a domain's memory through its window on physical memory, after it has looked in the domain's page
//! tables whether ring 3 may do the same. So SMAP stays on, no address of a domain's can make the kernel fault, and it
//! does not matter whose space is loaded.

use contracts::sabotage::{Bug, planted};
use x86_64::{PhysAddr, VirtAddr};

use super::frames::{self, Frame};
use super::layout::{self, USER_END};
use super::mapping::{Access, MapError, Tables};
use super::{PAGE_SIZE, physical};
use crate::arch::paging;

/// An address space.
///
/// Holding one proves that nothing of its lower half is anybody else's. Dropping it gives all of that back.
#[derive(Debug)]
pub struct Space {
    root: Frame,
}

/// A domain has passed an address that it cannot use in this way itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAddress;

/// A domain's memory, as ring 3 may use it.
#[derive(Clone, Copy)]
pub struct UserMemory(Tables);

impl Space {
    /// An empty one.
    ///
    /// # Errors
    /// [`MapError::OutOfMemory`].
    pub fn new() -> Result<Space, MapError> {
        // What costs memory for domains is made for the first of them.
        layout::pin()?;
        let space = Space { root: frames::allocate_zeroed().ok_or(MapError::OutOfMemory)? };
        // SAFETY: the root is fresh; all areas of the upper half are pinned.
        unsafe { space.tables().share_upper_half() };
        Ok(space)
    }

    /// Physical address of the root.
    pub fn root(&self) -> PhysAddr {
        self.root.address()
    }

    /// Its page tables, for the lower half.
    pub fn tables(&self) -> Tables {
        Tables::of_domain(self.root())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        paging::leave(self.root());
        if !planted(Bug::LeakedSpace) {
            self.tables().unmap_range(VirtAddr::new(0), USER_END as usize / PAGE_SIZE);
        }
    }
}

impl UserMemory {
    /// That of the space with this root.
    ///
    /// # Safety
    ///
    /// The space lives for as long as this is used.
    pub unsafe fn of(root: PhysAddr) -> UserMemory {
        UserMemory(Tables::of_domain(root))
    }

    /// Where the `bytes` bytes from `address` on lie, page by page.
    fn pieces(
        self,
        address: u64,
        bytes: usize,
        access: Access,
    ) -> impl Iterator<Item = Result<(*mut u8, usize), BadAddress>> {
        let end = address.checked_add(bytes as u64).filter(|end| *end <= USER_END);
        let mut next = address;
        core::iter::from_fn(move || {
            let Some(end) = end else { return (bytes > 0).then_some(Err(BadAddress)) };
            if next >= end {
                return None;
            }
            let length = (end - next).min(PAGE_SIZE as u64 - next % PAGE_SIZE as u64) as usize;
            let place = self.0.translate_for_user(VirtAddr::new(next), access).ok_or(BadAddress);
            next += length as u64;
            Some(place.map(|place| (physical(place), length)))
        })
    }

    /// Copies what lies at `address` into `to`.
    ///
    /// # Errors
    /// [`BadAddress`] if ring 3 could not read all of it; `to` may be written in part.
    pub fn read(self, address: u64, to: &mut [u8]) -> Result<(), BadAddress> {
        let mut done = 0;
        for piece in self.pieces(address, to.len(), Access::ReadOnly) {
            let (from, length) = piece?;
            // SAFETY: the page belongs to the domain, none of whose threads runs meanwhile; `to` has room for the piece.
            unsafe { core::ptr::copy_nonoverlapping(from, to[done..].as_mut_ptr(), length) };
            done += length;
        }
        Ok(())
    }

    /// Copies `bytes` to `address`.
    ///
    /// # Errors
    /// [`BadAddress`] if ring 3 could not write all of it; some may have been written.
    pub fn write(self, address: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        let mut done = 0;
        for piece in self.pieces(address, bytes.len(), Access::ReadWrite) {
            let (to, length) = piece?;
            // SAFETY: the page belongs to the domain, none of whose threads runs meanwhile, and is one that it may write.
            unsafe { core::ptr::copy_nonoverlapping(bytes[done..].as_ptr(), to, length) };
            done += length;
        }
        Ok(())
    }

    /// The word at `address`, if it is aligned and ring 3 may read it.
    pub fn word(self, address: u64) -> Option<u64> {
        if !address.is_multiple_of(size_of::<u64>() as u64) || address >= USER_END {
            return None;
        }
        let place = self.0.translate_for_user(VirtAddr::new(address), Access::ReadOnly)?;
        // SAFETY: an aligned word lies in one page, which belongs to the domain, none of whose threads runs meanwhile.
        Some(unsafe { physical(place).cast::<u64>().read() })
    }
}
