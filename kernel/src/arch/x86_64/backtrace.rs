//! The running code's own callers. Guests are compiled with frame pointers.

use core::arch::asm;
use core::cell::Cell;

use x86_64::VirtAddr;

use crate::memory::mapping;
use crate::unwind::{self, Start};

/// More than the deepest stack holds.
const MOST_FRAMES: usize = 100_000;

/// The caller's frame pointer.
#[inline(always)]
pub fn frame_pointer() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Where the function was called that calls this.
#[inline(always)]
pub fn at_caller() -> Start {
    // SAFETY: a function's frame holds its caller's frame pointer and its return address, in this order.
    let [frame, address] = unsafe { (frame_pointer() as *const [u64; 2]).read() };
    Start::InFrame { address, frame }
}

/// Calls `visit` with each return address, innermost first, starting at the frame that `frame_pointer` marks; see
/// [`unwind::chain`]. Only what is mapped is read.
pub fn walk(frame_pointer: u64, visit: impl FnMut(u64)) {
    let left = Cell::new(2 * MOST_FRAMES);
    let read = |address: u64| {
        left.set(left.get().checked_sub(1)?);
        let address = VirtAddr::try_new(address).ok().filter(|address| address.is_aligned(8u64))?;
        mapping::translate(address)?;
        // SAFETY: the word is mapped and aligned; it is read as a plain number.
        Some(unsafe { address.as_ptr::<u64>().read_volatile() })
    };
    unwind::chain(frame_pointer, read, visit);
}
