//! The local APIC (timer, end of interrupt) and the I/O APIC (routing of lines). (SDM vol. 3, chapter 11; Intel
//! 82093AA data sheet.)

use core::sync::atomic::{AtomicU64, Ordering};

use x86_64::registers::model_specific::Msr;

use super::acpi::{Interrupts, Line};
use super::{clock, trap};
use crate::memory::mapping::{self, MapError};

/// Ticks of the timer interrupt in a second.
pub const TIMER_HERTZ: u64 = 250;

const REGISTER_ID: u32 = 0x20;
const REGISTER_TASK_PRIORITY: u32 = 0x80;
const REGISTER_END_OF_INTERRUPT: u32 = 0xb0;
const REGISTER_SPURIOUS: u32 = 0xf0;
const REGISTER_TIMER: u32 = 0x320;
const REGISTER_LINT0: u32 = 0x350;
const REGISTER_LINT1: u32 = 0x360;
const REGISTER_ERROR: u32 = 0x370;
const REGISTER_TIMER_INITIAL: u32 = 0x380;
const REGISTER_TIMER_CURRENT: u32 = 0x390;
const REGISTER_TIMER_DIVIDE: u32 = 0x3e0;

const MASKED: u32 = 1 << 16;
const DELIVER_NMI: u32 = 4 << 8;
const TIMER_PERIODIC: u32 = 1 << 17;
const DIVIDE_BY_16: u32 = 0b0011;
const SOFTWARE_ENABLE: u32 = 1 << 8;

const MSR_BASE: u32 = 0x1b;
const BASE_ENABLE: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const MSR_X2APIC_FIRST: u32 = 0x800;

/// Virtual address of the local APIC's registers; 0 if firmware left it in x2APIC mode, with registers in MSRs.
static REGISTERS: AtomicU64 = AtomicU64::new(0);

fn read(register: u32) -> u32 {
    match REGISTERS.load(Ordering::Relaxed) {
        // SAFETY: the APIC is in x2APIC mode, where each register is this MSR.
        0 => unsafe { Msr::new(MSR_X2APIC_FIRST + (register >> 4)).read() as u32 },
        // SAFETY: `init` mapped the registers at this address, for good.
        base => unsafe { ((base + u64::from(register)) as *const u32).read_volatile() },
    }
}

fn write(register: u32, value: u32) {
    match REGISTERS.load(Ordering::Relaxed) {
        // SAFETY: as in `read`; the registers written here affect interrupts only.
        0 => unsafe { Msr::new(MSR_X2APIC_FIRST + (register >> 4)).write(u64::from(value)) },
        // SAFETY: as in `read`.
        base => unsafe { ((base + u64::from(register)) as *mut u32).write_volatile(value) },
    }
}

/// Tells the local APIC that the handler is done.
#[inline]
pub fn end_of_interrupt() {
    write(REGISTER_END_OF_INTERRUPT, 0);
}

/// Switches the calling core's local APIC on, with its lines masked except NMI.
pub fn init(found: &Interrupts) -> Result<(), MapError> {
    let mut base = Msr::new(MSR_BASE);
    // SAFETY: every x86-64 processor has the APIC base MSR.
    let mode = unsafe { base.read() };
    if mode & BASE_X2APIC == 0 {
        let registers = mapping::map_device(found.local_apic, 1)?;
        REGISTERS.store(registers.as_u64(), Ordering::Relaxed);
        // SAFETY: sets only the global enable bit; the address stays.
        unsafe { base.write(mode | BASE_ENABLE) };
    }
    write(REGISTER_TIMER, MASKED);
    write(REGISTER_LINT0, MASKED);
    write(REGISTER_LINT1, DELIVER_NMI);
    write(REGISTER_ERROR, MASKED);
    write(REGISTER_TASK_PRIORITY, 0);
    write(REGISTER_SPURIOUS, SOFTWARE_ENABLE | u32::from(trap::VECTOR_SPURIOUS));
    Ok(())
}

/// Starts the periodic timer at [`TIMER_HERTZ`]. Returns its rate in Hz, which takes 2 ms or more to measure.
pub fn start_timer() -> u64 {
    write(REGISTER_TIMER_DIVIDE, DIVIDE_BY_16);
    let hertz = measure_timer();
    write(REGISTER_TIMER, TIMER_PERIODIC | u32::from(trap::VECTOR_TIMER));
    write(REGISTER_TIMER_INITIAL, (hertz / TIMER_HERTZ).clamp(1, u64::from(u32::MAX)) as u32);
    hertz
}

/// The timer's rate in Hz, by the clock. A measurement counts if reading the two took little of its time: a busy
/// host can come between.
fn measure_timer() -> u64 {
    const MEASURE_NS: u64 = 2_000_000;
    const MOST_ATTEMPTS: u32 = 10;
    let mut hertz = 1;
    for _ in 0..MOST_ATTEMPTS {
        let before_start = clock::now_ns();
        write(REGISTER_TIMER_INITIAL, u32::MAX);
        let start = clock::now_ns();
        clock::spin_ns(MEASURE_NS);
        let end = clock::now_ns();
        let counted = u64::from(u32::MAX - read(REGISTER_TIMER_CURRENT));
        let after_end = clock::now_ns();
        hertz = counted * 1_000_000_000 / (end - start).max(1);
        if (start - before_start) + (after_end - end) < MEASURE_NS / 100 {
            break;
        }
    }
    hertz
}

/// The I/O APIC that serves the ISA lines.
pub struct IoApic {
    registers: *mut u32,
}

impl IoApic {
    /// Maps its registers and masks all its lines.
    pub fn new(found: &Interrupts) -> Result<IoApic, MapError> {
        const VERSION: u32 = 1;
        let registers = mapping::map_device(found.io_apic, 1)?;
        let mut io_apic = IoApic { registers: registers.as_mut_ptr() };
        let last_line = (io_apic.read(VERSION) >> 16) & 0xff;
        for line in 0..=last_line {
            io_apic.write(Self::redirection(line), MASKED);
        }
        Ok(io_apic)
    }

    /// Sends `line` to `vector` on the calling core.
    pub fn route(&mut self, line: Line, vector: u8) {
        const ACTIVE_LOW: u32 = 1 << 13;
        const LEVEL: u32 = 1 << 15;
        let low = u32::from(vector)
            | if line.active_low { ACTIVE_LOW } else { 0 }
            | if line.level { LEVEL } else { 0 };
        let id = match REGISTERS.load(Ordering::Relaxed) {
            0 => read(REGISTER_ID),
            _ => read(REGISTER_ID) >> 24,
        };
        self.write(Self::redirection(line.global) + 1, id << 24);
        self.write(Self::redirection(line.global), low);
    }

    fn redirection(line: u32) -> u32 {
        0x10 + 2 * line
    }

    fn read(&mut self, register: u32) -> u32 {
        // SAFETY: select register at 0, data window at 0x10, both mapped by `new`; `&mut self` keeps the two
        // accesses together.
        unsafe {
            self.registers.write_volatile(register);
            self.registers.add(4).read_volatile()
        }
    }

    fn write(&mut self, register: u32, value: u32) {
        // SAFETY: as in `read`.
        unsafe {
            self.registers.write_volatile(register);
            self.registers.add(4).write_volatile(value);
        }
    }
}
