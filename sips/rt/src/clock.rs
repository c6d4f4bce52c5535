//! Time.

use core::time::Duration;

/// Time since the system started. Works inside a SIP only.
pub fn now() -> Duration {
    Duration::from_nanos((crate::kernel().clock)())
}

/// The processor's time-stamp counter. Under QEMU's `-icount shift=0` it counts instructions.
#[inline]
pub fn ticks() -> u64 {
    // SAFETY: every x86-64 has RDTSC, and it reads nothing but the counter. (Intel SDM vol. 2B, RDTSC)
    unsafe { core::arch::x86_64::_rdtsc() }
}
