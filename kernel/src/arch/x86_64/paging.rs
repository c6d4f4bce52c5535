//! What page tables need from the processor.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

use x86_64::registers::control::{Cr3, Cr3Flags, Cr4, Cr4Flags};
use x86_64::structures::paging::PhysFrame;
use x86_64::{PhysAddr, VirtAddr};

static KERNEL_ROOT: AtomicU64 = AtomicU64::new(0);

/// Notes that the space which is loaded is the kernel's. Called once, before [`root`].
pub fn keep_root() {
    KERNEL_ROOT.store(loaded().as_u64(), Relaxed);
}

/// Physical address of the level 4 table of the kernel's space.
pub fn root() -> PhysAddr {
    PhysAddr::new_truncate(KERNEL_ROOT.load(Relaxed))
}

/// Physical address of the level 4 table in use: the kernel's, or that of the domain whose thread was last in ring 3.
pub fn loaded() -> PhysAddr {
    Cr3::read().0.start_address()
}

/// Sees to it that a space which is about to go is not loaded.
pub fn leave(space: PhysAddr) {
    if loaded() == space {
        // SAFETY: the kernel's space maps all that the kernel and the SIPs in its space use.
        unsafe { Cr3::write(PhysFrame::containing_address(root()), Cr3Flags::empty()) };
    }
}

/// Forgets what this core cached about the page at `address`, table levels included.
pub fn flush(address: VirtAddr) {
    x86_64::instructions::tlb::flush(address);
}

/// Forgets all that this core cached of the loaded space's own pages, which are not global.
pub fn flush_space() {
    x86_64::instructions::tlb::flush_all();
}

/// Forgets all that this core cached, global pages included (SDM vol. 3, 4.10.4.1).
pub fn flush_all() {
    // SAFETY: switching global pages off and on again changes nothing but the caches.
    unsafe {
        Cr4::update(|flags| flags.remove(Cr4Flags::PAGE_GLOBAL));
        Cr4::update(|flags| flags.insert(Cr4Flags::PAGE_GLOBAL));
    }
}
