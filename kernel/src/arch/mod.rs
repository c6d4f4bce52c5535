//! The one place that knows the machine.
//!
//! With feature `bare` this is the x86-64 PC: `cpu`, `descriptors`, `trap`, `apic`, `clock`,
//! `serial` and so on. Without it, `hosted` stands in, as far as the portable core needs it for its unit tests.

#[cfg(feature = "bare")]
mod x86_64;
#[cfg(feature = "bare")]
pub use self::x86_64::*;

#[cfg(not(feature = "bare"))]
mod hosted;
#[cfg(not(feature = "bare"))]
pub use self::hosted::*;
