//! Waiting for what interrupts and the kernel's own code signal.

use core::ptr;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::Relaxed;

use super::thread::Thread;
use super::threads::{block, current, ready};

/// Bytes came in on the serial port.
pub static SERIAL_INPUT: Event = Event::new();

/// Something that one kernel thread waits for.
pub struct Event {
    waiter: AtomicPtr<Thread>,
}

impl Event {
    /// An event that nobody waits for.
    pub const fn new() -> Self {
        Event { waiter: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Blocks the running thread until the next [`Event::signal`]. One before this call is not remembered, but none
    /// comes between a look at what the event is about and this call, unless the thread waits in between.
    pub fn wait(&self) {
        self.waiter.store(ptr::from_ref(current()).cast_mut(), Relaxed);
        block();
    }

    /// Makes the waiting thread ready.
    pub fn signal(&self) {
        let waiter = self.waiter.swap(ptr::null_mut(), Relaxed);
        // SAFETY: null, or a thread that waits here and so is not freed.
        if let Some(thread) = unsafe { waiter.as_ref() } {
            ready(thread);
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}
