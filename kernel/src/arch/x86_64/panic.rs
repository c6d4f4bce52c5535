//! The last words: what went wrong, the registers if an exception it was, and a symbolised backtrace, on the
//! debug console and the serial port; then the machine ends.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use conquer_once::spin::OnceCell;

use super::trap::Exception;
use super::{backtrace, debugcon, interrupts, power, serial, symbols};
use crate::memory::stacks;

/// Says in words what lies at an address outside the kernel image; returns without writing if it does not know.
pub type DescribeHook = fn(address: u64, out: &mut dyn Write) -> fmt::Result;

static DESCRIBE: OnceCell<DescribeHook> = OnceCell::uninit();
static PANICKING: AtomicBool = AtomicBool::new(false);

/// Sets who names addresses in SIP images. The first call counts. The hook runs while the system is dying: it
/// may only try locks, never wait for them.
pub fn set_describe_hook(hook: DescribeHook) {
    DESCRIBE.init_once(|| hook);
}

/// Where a dying kernel writes: past every lock.
struct LastWords;

impl Write for LastWords {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        debugcon::write(text.as_bytes());
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(body) => {
                    serial::write_unlocked(body.as_bytes());
                    serial::write_unlocked(b"\r\n");
                }
                None => serial::write_unlocked(line.as_bytes()),
            }
        }
        Ok(())
    }
}

/// Ends the machine because of an exception that is the kernel's own fault.
pub(super) fn exception(exception: &Exception<'_>) -> ! {
    begin();
    let frame = exception.frame;
    let mut out = LastWords;
    let _ = writeln!(out, "\nkernel panic: {exception}");
    if let Some(address) = exception.address
        && stacks::is_guard(x86_64::VirtAddr::new_truncate(address))
    {
        let _ = writeln!(out, "  the address is the guard page of a kernel stack: the stack overflowed");
    }
    let _ = write!(out, "{frame}");
    write_backtrace(&mut out, Some(frame.rip), frame.rbp);
    power::exit(power::Exit::Panic)
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    begin();
    let mut out = LastWords;
    let _ = write!(out, "\nkernel panic: {}", info.message());
    if let Some(place) = info.location() {
        let _ = write!(out, "\n  at {}:{}:{}", place.file(), place.line(), place.column());
    }
    let _ = writeln!(out);
    write_backtrace(&mut out, None, backtrace::frame_pointer());
    power::exit(power::Exit::Panic)
}

/// Interrupts off; and a panic within a panic ends here, before it can start over.
fn begin() {
    interrupts::disable();
    if PANICKING.swap(true, Ordering::Relaxed) {
        debugcon::write(b"kernel panic while panicking\n");
        power::exit(power::Exit::Panic);
    }
}

fn write_backtrace(out: &mut LastWords, interrupted: Option<u64>, frame_pointer: u64) {
    let _ = writeln!(out, "backtrace:");
    if let Some(address) = interrupted {
        write_address(out, address, address);
    }
    // A return address may be the first byte of the next function: the call lies before it.
    let (mut last, mut repeats) = (0, 0);
    backtrace::walk(frame_pointer, |address| {
        if address == last {
            repeats += 1;
            return;
        }
        write_repeats(out, repeats);
        (last, repeats) = (address, 0);
        write_address(out, address, address.wrapping_sub(1));
    });
    write_repeats(out, repeats);
}

fn write_repeats(out: &mut LastWords, repeats: usize) {
    if repeats > 0 {
        let _ = writeln!(out, "  ... {repeats} more of the same");
    }
}

fn write_address(out: &mut LastWords, address: u64, lookup: u64) {
    let _ = write!(out, "  {address:016x} ");
    match symbols::lookup(lookup) {
        Some(symbol) => {
            let _ =
                write!(out, "{:#}+{:#x}", rustc_demangle::demangle(symbol.name), address - symbol.address);
        }
        None => {
            if let Ok(describe) = DESCRIBE.try_get() {
                let _ = describe(address, out);
            }
        }
    }
    let _ = writeln!(out);
}
