//! Each core's own data, found through GS.

use core::arch::asm;
use core::mem::{MaybeUninit, offset_of};
use core::sync::atomic::{AtomicU64, Ordering};

use contracts::abi::Core;

use x86_64::VirtAddr;
use x86_64::registers::model_specific::GsBase;

/// Bit of [`Core::pending`]: the serial port has input.
pub const EVENT_SERIAL: u32 = 1;
/// Bit of [`Core::pending`]: the timer ticked.
pub const EVENT_TIMER: u32 = 2;

/// A core's data with what the kernel keeps of it.
#[repr(C)]
struct Block {
    /// What SIPs see; first, so that its address is this one's.
    shared: Core,
    /// Where a thread's stack in ring 3 is kept between its SYSCALL and its stack in the kernel.
    user_stack: AtomicU64,
}

/// Where ring 3's stack pointer is kept, from GS.
pub(super) const USER_STACK: usize = offset_of!(Block, user_stack);

// SAFETY: all zeros are a `Block`: every field is an atomic number or an atomic pointer that may be null.
static BOOT_CORE: Block = unsafe { MaybeUninit::zeroed().assume_init() };

/// Points GS at the boot core's block.
pub fn init_boot_core() {
    let address = &raw const BOOT_CORE as usize;
    BOOT_CORE.shared.this.store(address, Ordering::Relaxed);
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
