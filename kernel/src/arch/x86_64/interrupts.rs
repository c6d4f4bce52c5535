//! The interrupt flag, and waiting for an interrupt.

pub use x86_64::instructions::interrupts::{disable, enable, without_interrupts as without};

/// Halts until the next interrupt, unless `has_work` says that there is something to do. It is asked with
/// interrupts off and `sti` takes effect only after `hlt` began, so no wake-up falls between the two.
pub fn idle(has_work: impl FnOnce() -> bool) {
    disable();
    if has_work() {
        enable();
    } else {
        x86_64::instructions::interrupts::enable_and_hlt();
    }
}
