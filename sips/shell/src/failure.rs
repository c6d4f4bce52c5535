//! Why a command failed, in one line for its user.

use alloc::string::String;
use core::fmt;

use contracts::Exhausted;
use rt::reconnect::Unavailable;

/// Why a command failed. Displayed behind the command's name and a colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There is no such command.
    Unknown,
    /// It was not called as it should be; here is how.
    Usage(&'static str),
    /// There is no file of that name.
    NoSuchFile(String),
    /// Nobody provides a service.
    Unavailable(Unavailable),
    /// A service ended while the command used it.
    Gone(&'static str),
    /// There is no memory for a block of so many bytes.
    Memory(u64),
    /// Ctrl-C was pressed.
    Interrupted,
    /// Ctrl-C was pressed; this process runs on.
    GoesOn(String),
    /// The console is gone: nobody will see this.
    NoConsole,
    /// The kernel's words.
    Refused(String),
    /// Anything else, about one thing.
    About(String, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(usage) => write!(f, "usage: {usage}"),
            Failure::NoSuchFile(name) => write!(f, "{}: no such file", Shown(name)),
            Failure::Unavailable(unavailable) => unavailable.fmt(f),
            Failure::Gone(service) => write!(f, "the service '{service}' has ended"),
            Failure::Memory(bytes) => write!(f, "no memory for a block of {bytes} bytes"),
            Failure::Unknown => f.write_str("unknown command"),
            Failure::GoesOn(name) => write!(f, "{}: goes on; its end will be told", Shown(name)),
            Failure::Interrupted => f.write_str("interrupted"),
            Failure::NoConsole => f.write_str("the console is gone"),
            Failure::Refused(reason) => write!(f, "{}", Shown(reason)),
            Failure::About(what, trouble) => write!(f, "{}: {trouble}", Shown(what)),
        }
    }
}

impl Failure {
    /// Whether the person at the terminal wanted it.
    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(self, Failure::Interrupted | Failure::GoesOn(_))
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Self {
        Failure::Unavailable(unavailable)
    }
}

/// A block of `bytes` bytes could not be had.
pub(crate) fn no_memory(bytes: u64) -> impl Fn(Exhausted) -> Failure {
    move |Exhausted| Failure::Memory(bytes)
}

/// A text that somebody else chose, its control characters made visible.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if character.is_control() {
                write!(f, "{}", character.escape_default())
            } else {
                write!(f, "{character}")
            }
        })
    }
}
