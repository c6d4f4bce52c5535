//! The end: leaving QEMU, or switching the machine off.

use x86_64::instructions::port::Port;

/// How the system ends; what QEMU's exit status tells whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well: QEMU's status is 33.
    Success,
    /// An orderly shutdown after something failed: status 35.
    Failure,
    /// The kernel panicked: status 37.
    Panic,
}

const DEBUG_EXIT: u16 = 0xf4;
/// PM1a control block of QEMU's PC; sleep type 5 with the enable bit switches the machine off.
const PM1A_CONTROL: u16 = 0x604;
const SLEEP_ENABLE: u16 = 0x2000;

/// Ends the system: through isa-debug-exit if QEMU has it, else by switching off, else by halting for good.
pub fn exit(how: Exit) -> ! {
    let code: u32 = match how {
        Exit::Success => 0x10,
        Exit::Failure => 0x11,
        Exit::Panic => 0x12,
    };
    x86_64::instructions::interrupts::disable();
    // SAFETY: ports that end the machine; nothing runs afterwards that could mind.
    unsafe {
        Port::<u32>::new(DEBUG_EXIT).write(code);
        if how != Exit::Panic {
            Port::<u16>::new(PM1A_CONTROL).write(SLEEP_ENABLE);
        }
    }
    loop {
        x86_64::instructions::hlt();
    }
}
