//! What page tables need from the processor.

use x86_64::registers::control::{Cr3, Cr4, Cr4Flags};
use x86_64::{PhysAddr, VirtAddr};

/// Physical address of the level 4 table in use.
pub fn root() -> PhysAddr {
    Cr3::read().0.start_address()
}

/// Forgets what this core cached about the page at `address`, table levels included.
pub fn flush(address: VirtAddr) {
    x86_64::instructions::tlb::flush(address);
}

/// Forgets all that this core cached, global pages included (SDM vol. 3, 4.10.4.1).
pub fn flush_all() {
    // SAFETY: switching global pages off and on again changes nothing but the caches.
    unsafe {
        Cr4::update(|flags| flags.remove(Cr4Flags::PAGE_GLOBAL));
        Cr4::update(|flags| flags.insert(Cr4Flags::PAGE_GLOBAL));
    }
}
