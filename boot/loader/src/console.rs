//! Where the loader's one line goes when it cannot boot: COM1 and QEMU's debugcon.

use core::fmt::{self, Write};
use x86_64::instructions::port::Port;

const COM1: u16 = 0x3f8;
const DEBUGCON: u16 = 0xe9;
const DEBUG_EXIT: u16 = 0xf4;
/// Makes QEMU's isa-debug-exit end with status 39.
const EXIT_LOADER: u32 = 0x13;
/// Polls of the line status before a transmitter is taken for absent.
const TRANSMIT_POLLS: u32 = 100_000;

struct Console;

impl Console {
    /// Sets COM1 to 115200 baud, 8 bits, no parity, FIFOs on (16550 data sheet, section 8).
    fn new() -> Self {
        for (offset, value) in [(1, 0x00), (3, 0x80), (0, 0x01), (1, 0x00), (3, 0x03), (2, 0x07), (4, 0x03)] {
            out(COM1 + offset, value);
        }
        Console
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            out(DEBUGCON, byte);
            // SAFETY: reading COM1's line status register has no effect on memory.
            let ready = || unsafe { Port::<u8>::new(COM1 + 5).read() } & 0x20 != 0;
            let mut polls = 0;
            while !ready() && polls < TRANSMIT_POLLS {
                polls += 1;
            }
            out(COM1, byte);
        }
        Ok(())
    }
}

fn out(port: u16, value: u8) {
    // SAFETY: only COM1's registers and debugcon are written (private function, constants above); neither can
    // touch memory.
    unsafe { Port::new(port).write(value) }
}

/// Prints `loader: MESSAGE` once, ends QEMU with status 39 where it offers that, and halts.
pub(crate) fn stop(message: impl fmt::Display) -> ! {
    let _ = write!(Console::new(), "loader: {message}\r\n");
    // SAFETY: isa-debug-exit ends the machine or, when absent, ignores the write.
    unsafe { Port::new(DEBUG_EXIT).write(EXIT_LOADER) };
    loop {
        x86_64::instructions::interrupts::disable();
        x86_64::instructions::hlt();
    }
}
