//! Scheduling on one core.
//!
//! Most switches never come here: a thread that sends and then waits hands its core straight to the peer
//! ([`contracts::binding::bare`]). The run queue decides when there is nobody to hand over to, when a queued thread
//! outranks the peer, and when an interrupt left work.

mod budget;
#[cfg(feature = "bare")]
mod event;
#[cfg(feature = "bare")]
mod preemption;
mod queue;
mod sleepers;
#[cfg(feature = "bare")]
mod thread;
#[cfg(feature = "bare")]
mod threads;

pub use budget::{Budget, Overrun, WINDOW_TICKS};
#[cfg(feature = "bare")]
pub use event::{Event, SERIAL_INPUT};
#[cfg(feature = "bare")]
pub use preemption::{Cause, leave, set_end_hook, start_preemption, ticks};
#[cfg(feature = "campaign")]
pub(crate) use preemption::{can_make_room, make_room, preempted_at_rest, share_out, share_out_with};
pub use queue::{KERNEL_PRIORITY, Queued, RunQueue};
pub use sleepers::{Sleeper, Sleepers};
#[cfg(feature = "bare")]
pub use thread::{Ring3, Thread, ThreadError, kernel_threads, place, spawn, spawn_in_ring3};
#[cfg(feature = "bare")]
pub use threads::{
    adopt_boot_thread, block, block_until, current, end_call, hand_off, is_ready, raise, ready, relax,
    retire, set_priority, yield_now,
};
