//! More than one thread in a SIP.
//!
//! All threads of a SIP have its priority, and are preempted like others. The SIP ends when its main function returns,
//! whatever its other threads are doing; what they find out they send over a channel.

use alloc::boxed::Box;

/// Why there is no new thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpawnError;

impl core::fmt::Display for SpawnError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the manifest's limit of threads or of memory does not allow another thread")
    }
}

impl core::error::Error for SpawnError {}

type Run = Box<dyn FnOnce() + Send>;

/// Runs `run` on a thread of its own, whose stack is as large as the manifest says. Works inside a SIP only.
///
/// # Errors
/// [`SpawnError`]; then `run` is dropped.
pub fn spawn(run: impl FnOnce() + Send + 'static) -> Result<(), SpawnError> {
    let run: Run = Box::new(run);
    let argument = Box::into_raw(Box::new(run));
    match (crate::kernel().thread_spawn)(begin, argument as usize) {
        0 => {
            // SAFETY: nobody else has got the box.
            drop(unsafe { Box::from_raw(argument) });
            Err(SpawnError)
        }
        _ => Ok(()),
    }
}

/// Lets other ready threads of the same priority run first. Works inside a SIP only.
pub fn yield_now() {
    (crate::kernel().thread_yield)();
}

unsafe extern "C" fn begin(argument: usize) -> ! {
    // SAFETY: `spawn` made the box and passed it to this thread alone.
    let run = unsafe { Box::from_raw(argument as *mut Run) };
    run();
    (crate::kernel().thread_exit)()
}
