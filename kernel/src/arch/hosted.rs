//! A stand-in for the machine, for the portable core's unit tests on the host.

/// The debug console: standard error.
pub mod debugcon {
    use std::io::Write;

    /// Writes all of `bytes`.
    pub fn write(bytes: &[u8]) {
        // A test whose log is lost is still a test.
        let _ = std::io::stderr().write_all(bytes);
    }
}

/// Monotonic time.
pub mod clock {
    use std::sync::OnceLock;
    use std::time::Instant;

    /// Nanoseconds since the first call.
    pub fn now_ns() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// What page tables need: a root that the tests make.
pub mod paging {
    use std::sync::atomic::{AtomicU64, Ordering};

    use x86_64::{PhysAddr, VirtAddr};

    static ROOT: AtomicU64 = AtomicU64::new(0);

    /// Sets what [`root`] returns.
    pub fn set_root(root: PhysAddr) {
        ROOT.store(root.as_u64(), Ordering::Relaxed);
    }

    /// Physical address of the level 4 table in use.
    pub fn root() -> PhysAddr {
        PhysAddr::new(ROOT.load(Ordering::Relaxed))
    }

    /// No space is ever loaded here.
    pub fn leave(_root: PhysAddr) {}

    /// Nothing is cached here.
    pub fn flush(_address: VirtAddr) {}

    /// Nothing is cached.
    pub fn flush_space() {}
}
