//! One instruction at a time, and an address to stop at: for the campaign of the tests only.

use x86_64::VirtAddr;
use x86_64::registers::debug::{
    DebugAddressRegister, DebugAddressRegisterNumber, Dr0, Dr7, Dr7Flags, Dr7Value,
};
use x86_64::registers::rflags::RFlags;

use super::trap::TrapFrame;

/// The flag in a context that stops after its next instruction.
pub const STEPPED: u64 = RFlags::TRAP_FLAG.bits();

/// Makes the context stop after its next instruction.
pub fn step(frame: &mut TrapFrame) {
    // The resume flag is for a context that has just stopped at an address (SDM vol. 3, 18.3.1.1).
    frame.rflags |= STEPPED | RFlags::RESUME_FLAG.bits();
}

/// Lets the context go on, past the address that it may have stopped at.
pub fn go_on(frame: &mut TrapFrame) {
    frame.rflags &= !STEPPED;
    frame.rflags |= RFlags::RESUME_FLAG.bits();
}

/// Makes whoever comes to execute this address stop before it.
pub fn stop_at(address: VirtAddr) {
    Dr0::write(address.as_u64());
    let mut control = Dr7Value::from_bits_truncate(0);
    // Condition and size of instruction fetches are zeros (SDM vol. 3, 18.2.4).
    control.insert_flags(Dr7Flags::global_breakpoint_enable(DebugAddressRegisterNumber::Dr0));
    Dr7::write(control);
}

/// Nobody stops at an address any more.
pub fn stop_nowhere() {
    Dr7::write(Dr7Value::from_bits_truncate(0));
}
