//! Each core's own data, found through GS.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use x86_64::VirtAddr;
use x86_64::registers::model_specific::GsBase;

/// One core's own data; `gs:[0]` holds its address while any code of ours runs.
#[repr(C, align(64))]
pub struct Core {
    /// This structure's own address.
    pub this: AtomicUsize,
    /// What interrupts left to do, a bit each; looked at whenever a thread waits.
    pub pending: AtomicU32,
}

/// Bit of [`Core::pending`]: the serial port has input.
pub const EVENT_SERIAL: u32 = 1;
/// Bit of [`Core::pending`]: the timer ticked.
pub const EVENT_TIMER: u32 = 2;

static BOOT_CORE: Core = Core { this: AtomicUsize::new(0), pending: AtomicU32::new(0) };

/// Points GS at the boot core's block.
pub fn init_boot_core() {
    let address = &raw const BOOT_CORE as usize;
    BOOT_CORE.this.store(address, Ordering::Relaxed);
    GsBase::write(VirtAddr::new(address as u64));
}

/// The calling core's block.
#[inline(always)]
pub fn core() -> &'static Core {
    let address: *const Core;
    // SAFETY: GS points at this core's block from `init_boot_core` on, and its first field is its address. The
    // block is a static and all of its fields are atomics.
    unsafe {
        asm!("mov {}, gs:[0]", out(reg) address, options(nostack, preserves_flags, pure, readonly));
        &*address
    }
}

/// Adds `event` to the core's pending word. For interrupt handlers.
#[inline]
pub fn signal(event: u32) {
    core().pending.fetch_or(event, Ordering::Relaxed);
}

/// Takes all events that wait on this core.
#[inline]
pub fn take_events() -> u32 {
    let core = core();
    if core.pending.load(Ordering::Relaxed) == 0 { 0 } else { core.pending.swap(0, Ordering::Relaxed) }
}
