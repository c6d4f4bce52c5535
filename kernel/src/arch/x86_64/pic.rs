//! The two 8259 interrupt controllers: masked, once and for all. The I/O APIC does their work.

use x86_64::instructions::port::Port;

/// Masks every line of both controllers, after moving their vectors out of the exceptions' way: a masked 8259
/// can still raise a spurious interrupt.
pub fn mask_all() {
    const COMMANDS: [(u16, u8); 10] = [
        (0x20, 0x11), // ICW1: cascade, ICW4 follows
        (0xa0, 0x11),
        (0x21, 0xf0), // ICW2: vectors 0xf0 and 0xf8
        (0xa1, 0xf8),
        (0x21, 4), // ICW3: the second hangs on line 2
        (0xa1, 2),
        (0x21, 1), // ICW4: 8086 mode
        (0xa1, 1),
        (0x21, 0xff), // all masked
        (0xa1, 0xff),
    ];
    for (port, value) in COMMANDS {
        // SAFETY: the 8259s' own ports, in the order their data sheet asks for; interrupts are off.
        unsafe { Port::<u8>::new(port).write(value) };
    }
}
