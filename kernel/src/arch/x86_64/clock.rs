//! Monotonic time from the time stamp counter.
//!
//! The counter's rate comes from CPUID where the processor or hypervisor tells it, else it is measured against
//! the PIT's second channel. Under QEMU's `-icount` the counter counts instructions, at 1 GHz.

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::instructions::port::Port;

use super::cpu;

/// Counter value at boot.
static START: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds per tick, as a fraction of 2^32; 0 until [`init`].
static NANOSECONDS_PER_TICK: AtomicU64 = AtomicU64::new(0);

/// Nanoseconds of one measurement against the PIT.
const MEASURE_NS: u64 = 2_000_000;

/// Reads the time stamp counter.
#[inline]
pub fn ticks() -> u64 {
    // SAFETY: the counter is part of every x86-64 processor and CR4.TSD does not bind ring 0.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Finds the counter's rate and starts the clock at 0. Returns the rate in Hz. Takes 10 ms if it must measure.
pub fn init() -> u64 {
    let start = ticks();
    let hertz = told_by_cpuid().unwrap_or_else(measure).max(1);
    NANOSECONDS_PER_TICK.store(((1_000_000_000u128 << 32) / u128::from(hertz)) as u64, Ordering::Relaxed);
    START.store(start, Ordering::Relaxed);
    hertz
}

/// Nanoseconds since boot. 0 before [`init`].
#[inline]
pub fn now_ns() -> u64 {
    let elapsed = ticks().wrapping_sub(START.load(Ordering::Relaxed));
    ((u128::from(elapsed) * u128::from(NANOSECONDS_PER_TICK.load(Ordering::Relaxed))) >> 32) as u64
}

/// Spins for at least `nanoseconds`.
pub fn spin_ns(nanoseconds: u64) {
    let end = now_ns() + nanoseconds;
    while now_ns() < end {
        core::hint::spin_loop();
    }
}

/// CPUID leaf 0x15 (crystal clock), or 0x4000_0010, in which hypervisors tell the rate in kHz.
fn told_by_cpuid() -> Option<u64> {
    const HYPERVISOR_BASE: u32 = 0x4000_0000;
    const HYPERVISOR_TIMING: u32 = 0x4000_0010;
    let id = cpu::id();
    if let Some(hertz) = id.get_tsc_info().and_then(|info| info.tsc_frequency()) {
        return Some(hertz);
    }
    let virtual_machine = id.get_feature_info().is_some_and(|features| features.has_hypervisor());
    if virtual_machine && core::arch::x86_64::__cpuid(HYPERVISOR_BASE).eax >= HYPERVISOR_TIMING {
        let kilohertz = core::arch::x86_64::__cpuid(HYPERVISOR_TIMING).eax;
        return (kilohertz != 0).then(|| u64::from(kilohertz) * 1000);
    }
    None
}

/// Measures against the PIT's channel 2, which nobody else uses. Whatever interrupts a measurement, a busy host say,
/// makes it longer, so the shortest of several counts.
fn measure() -> u64 {
    const MEASUREMENTS: u32 = 5;
    (0..MEASUREMENTS).map(|_| measure_once()).min().unwrap_or(0)
}

/// Counts ticks while the channel runs down once (Intel 8254 data sheet, mode 0).
fn measure_once() -> u64 {
    const PIT_HERTZ: u64 = 1_193_182;
    const COUNT: u64 = PIT_HERTZ * MEASURE_NS / 1_000_000_000;
    const GATE: u8 = 1;
    const SPEAKER: u8 = 2;
    const OUTPUT: u8 = 0x20;
    let mut control = Port::<u8>::new(0x61);
    let mut command = Port::<u8>::new(0x43);
    let mut channel = Port::<u8>::new(0x42);
    // SAFETY: the timer's own ports; channel 2 drives only the speaker, which stays off.
    unsafe {
        let before = control.read();
        control.write((before & !SPEAKER) | GATE);
        command.write(0b1011_0000); // channel 2, low then high byte, mode 0
        channel.write(COUNT as u8);
        // Before the write that starts the channel, so that the measurement is never too short.
        let start = ticks();
        channel.write((COUNT >> 8) as u8);
        while control.read() & OUTPUT == 0 {
            core::hint::spin_loop();
        }
        let elapsed = ticks() - start;
        control.write(before);
        elapsed * PIT_HERTZ / COUNT
    }
}
