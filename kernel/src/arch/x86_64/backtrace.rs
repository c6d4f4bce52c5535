//! Walking the chain of frame pointers. Guests are compiled with them.

use core::arch::asm;

use x86_64::VirtAddr;

use crate::memory::mapping;

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

/// Calls `visit` with each return address, innermost first, starting at the frame that `frame_pointer` marks.
/// Stops at the first frame that is not mapped, not aligned, or does not lie above the one before.
pub fn walk(mut frame_pointer: u64, mut visit: impl FnMut(u64)) {
    for _ in 0..MOST_FRAMES {
        let Ok(frame) = VirtAddr::try_new(frame_pointer) else { return };
        if frame.is_null() || !frame.is_aligned(8u64) {
            return;
        }
        let mapped = |address| mapping::translate(address).is_some();
        if !mapped(frame) || !mapped(frame + 8) {
            return;
        }
        // SAFETY: both words are mapped and aligned; they are read as plain numbers.
        let (next, address) = unsafe {
            let words = frame.as_ptr::<u64>();
            (words.read_volatile(), words.add(1).read_volatile())
        };
        if address == 0 {
            return;
        }
        visit(address);
        if next <= frame_pointer {
            return;
        }
        frame_pointer = next;
    }
}
