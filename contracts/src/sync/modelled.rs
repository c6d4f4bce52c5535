//! Loom's, and what it does not have in terms of those.

use std::alloc::Layout;
use std::any::Any;
use std::collections::HashSet;
use std::ops::Deref;
use std::thread::panicking;
use std::{cell, ptr};

use loom::sync::atomic;
pub(crate) use loom::sync::{Mutex, atomic::fence};
pub(crate) use loom::thread_local;

macro_rules! atomics {
    ($($name:ident $(<$parameter:ident>)? of $value:ty;)*) => {$(
        /// Loom's of the same name. Like the machine's it has a cell in it: the compiler would else take what lies
        /// around it for constant behind a shared reference.
        #[allow(unreachable_pub, reason = "public structures are made of them")]
        pub struct $name$(<$parameter>)?(atomic::$name$(<$parameter>)?, cell::UnsafeCell<()>);

        // SAFETY: nothing lies in the cell.
        unsafe impl$(<$parameter>)? Sync for $name$(<$parameter>)? {}

        impl$(<$parameter>)? $name$(<$parameter>)? {
            #[allow(dead_code, reason = "some are never made so")]
            pub(crate) fn new(value: $value) -> Self {
                $name(atomic::$name::new(value), cell::UnsafeCell::new(()))
            }
        }

        impl$(<$parameter>)? From<$value> for $name$(<$parameter>)? {
            fn from(value: $value) -> Self {
                Self::new(value)
            }
        }

        impl$(<$parameter>)? Default for $name$(<$parameter>)? {
            fn default() -> Self {
                $name(Default::default(), Default::default())
            }
        }

        impl$(<$parameter>)? Deref for $name$(<$parameter>)? {
            type Target = atomic::$name$(<$parameter>)?;
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }
    )*};
}

atomics! {
    AtomicBool of bool;
    AtomicPtr<T> of *mut T;
    AtomicU8 of u8;
    AtomicU32 of u32;
    AtomicU64 of u64;
    AtomicUsize of usize;
}

/// Statics, made anew in each run of a test.
macro_rules! statics {
    ($($(#[$attributes:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        ::loom::lazy_static! { $($(#[$attributes])* static ref $name: $type = $value;)* }
    };
}
pub(crate) use statics;

/// Stands beside memory that is not made of atomics, and panics if one writes there while another may be there.
#[derive(Default)]
pub(crate) struct Watch(loom::cell::UnsafeCell<()>);

impl Watch {
    /// Runs `read`, which reads the memory.
    pub(crate) fn read<T>(&self, read: impl FnOnce() -> T) -> T {
        self.0.with(|_| read())
    }

    /// Runs `write`, which writes to the memory.
    pub(crate) fn write<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.with_mut(|_| write())
    }
}

statics! {
    // Loom runs all its threads on one of the host's, so this lock is never waited for.
    static KEPT: std::sync::Mutex<Kept> = Default::default();
}

/// What goes when the run of the test is over.
#[derive(Default)]
struct Kept {
    values: Vec<Box<dyn Any>>,
    /// Allocated and not freed.
    lent: HashSet<*mut u8>,
    freed: Vec<(*mut u8, Layout)>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (memory, layout) in self.freed.drain(..) {
            // SAFETY: it was allocated, `dealloc` was given it, and nobody is left to use it.
            unsafe { std::alloc::dealloc(memory, layout) };
        }
        assert!(self.lent.is_empty() || panicking(), "what is allocated is freed");
    }
}

fn kept(keep: impl FnOnce(&mut Kept)) {
    keep(&mut KEPT.lock().expect("no holder panics"));
}

/// Keeps a value to the end of the run.
pub(crate) fn keep<T: 'static>(value: T) -> &'static T {
    let value = ptr::from_mut(Box::leak(Box::new(value)));
    // SAFETY: it was a box, which is dropped when nobody is left to use the value.
    kept(|kept| kept.values.push(unsafe { Box::from_raw(value) }));
    // SAFETY: as above.
    unsafe { &*value }
}

/// Allocates memory, which is to be freed before the run is over.
///
/// # Safety
///
/// As [`std::alloc::alloc`].
pub(crate) unsafe fn alloc(layout: Layout) -> *mut u8 {
    // SAFETY: passed on to the caller.
    let memory = unsafe { std::alloc::alloc(layout) };
    kept(|kept| _ = kept.lent.insert(memory));
    memory
}

/// A value in memory of its own, until that is given to [`dealloc`].
pub(crate) fn lend<T>(value: T) -> &'static T {
    let value: &T = Box::leak(Box::new(value));
    kept(|kept| _ = kept.lent.insert(ptr::from_ref(value).cast_mut().cast()));
    value
}

/// Frees memory. Whoever uses an atomic in it from now on panics, since there is none.
///
/// # Safety
///
/// As [`std::alloc::dealloc`], for what [`alloc`] or [`lend`] made.
pub(crate) unsafe fn dealloc(memory: *mut u8, layout: Layout) {
    kept(|kept| {
        assert!(kept.lent.remove(&memory), "what is freed was allocated, and is freed once");
        kept.freed.push((memory, layout));
    });
    // SAFETY: passed on to the caller; it is given back at the end of the run.
    unsafe { memory.write_bytes(0xFF, layout.size()) };
}

/// How often the calling thread has asked: so a deadline can pass at any point, in few runs.
pub(crate) fn nanoseconds() -> u64 {
    thread::advance(1)
}

/// Threads, as in `std`. Loom's own cannot be woken while they wait for a lock.
pub(crate) mod thread {
    use std::cell::Cell;
    use std::sync::Arc;
    use std::time::Duration;

    pub(crate) use loom::thread::yield_now;

    #[derive(Clone)]
    pub(crate) struct Thread(Arc<Token>);

    struct Token {
        there: super::Mutex<bool>,
        bell: loom::sync::Condvar,
    }

    loom::thread_local! {
        static CURRENT: Thread =
            Thread(Arc::new(Token { there: super::Mutex::new(false), bell: loom::sync::Condvar::new() }));
        static CLOCK: Cell<u64> = Cell::new(0);
    }

    /// Moves the thread's clock on, and returns what it showed.
    pub(super) fn advance(nanoseconds: u64) -> u64 {
        CLOCK.with(|clock| clock.replace(clock.get() + nanoseconds))
    }

    pub(crate) fn current() -> Thread {
        CURRENT.with(Thread::clone)
    }

    impl Thread {
        pub(crate) fn unpark(&self) {
            *self.0.there.lock().expect("no holder panics") = true;
            self.0.bell.notify_one();
        }
    }

    pub(crate) fn park() {
        let Thread(token) = current();
        let mut there = token.there.lock().expect("no holder panics");
        while !*there {
            there = token.bell.wait(there).expect("no holder panics");
        }
        *there = false;
    }

    /// Returns early, as it may.
    pub(crate) fn park_timeout(_: Duration) {}

    pub(crate) fn sleep(duration: Duration) {
        advance(duration.as_nanos() as u64);
    }
}
