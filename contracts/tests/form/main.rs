//! Native layout between those who do not believe each other: what is scrubbed, what is adopted, and what is refused.

use std::sync::{Mutex, MutexGuard, PoisonError};

mod handles;
mod oracle;
mod random;
mod said;
mod zoo;

/// Blocks and channels of all threads are counted together.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
