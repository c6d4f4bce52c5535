//! The machine's own.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
#[cfg(feature = "std")]
pub(crate) use host::*;

/// Statics. A checker's cannot be made by the compiler.
#[cfg(feature = "std")]
macro_rules! statics {
    ($($(#[$attributes:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$attributes])* static $name: $type = $value;)*
    };
}
#[cfg(feature = "std")]
pub(crate) use statics;

/// Stands beside memory that is not made of atomics, for a checker to see whether two use it at once.
#[derive(Default)]
pub(crate) struct Watch;

impl Watch {
    /// Runs `read`, which reads the memory.
    #[inline(always)]
    pub(crate) fn read<T>(&self, read: impl FnOnce() -> T) -> T {
        read()
    }

    /// Runs `write`, which writes to the memory.
    #[inline(always)]
    pub(crate) fn write<T>(&self, write: impl FnOnce() -> T) -> T {
        write()
    }
}

#[cfg(feature = "std")]
mod host {
    pub(crate) use core::sync::atomic::{AtomicBool, fence};
    pub(crate) use std::alloc::{alloc, dealloc};
    pub(crate) use std::sync::Mutex;
    pub(crate) use std::{thread, thread_local};

    use std::sync::OnceLock;
    use std::time::Instant;

    /// A value in memory of its own, until that is given to [`dealloc`].
    pub(crate) fn lend<T>(value: T) -> &'static T {
        Box::leak(Box::new(value))
    }

    /// Keeps a value for good.
    pub(crate) fn keep<T>(value: T) -> &'static T {
        lend(value)
    }

    /// Nanoseconds since the first call.
    pub(crate) fn nanoseconds() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}
