//! The kernel's log, for what no user waits for.

use core::fmt::{self, Write};

use crate::start::Message;

/// Writes a line to the kernel's log, with the SIP's name before it. Works inside a SIP only.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::log::line(format_args!($($argument)*)) };
}

/// What [`log!`] calls. A line longer than 512 bytes is cut.
pub fn line(arguments: fmt::Arguments<'_>) {
    let mut message = Message::new();
    let _ = message.write_fmt(arguments);
    let text = message.as_str();
    // SAFETY: the text lies on our stack while the kernel copies it.
    unsafe { (crate::kernel().log)(text.as_ptr(), text.len()) }
}
