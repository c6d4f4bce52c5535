//! QEMU's debug console: one output port, far cheaper than the serial port. The kernel's log goes here.

use core::arch::asm;

const PORT: u16 = 0xe9;

/// Writes all of `bytes`. Where there is no such console the port ignores them.
pub fn write(bytes: &[u8]) {
    // SAFETY: reads exactly the bytes of the slice; the port has no effect on memory.
    unsafe {
        asm!(
            "rep outsb",
            in("dx") PORT,
            inout("rsi") bytes.as_ptr() => _,
            inout("rcx") bytes.len() => _,
            options(nostack, readonly, preserves_flags),
        );
    }
}
