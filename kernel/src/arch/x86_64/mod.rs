//! The x86-64 PC.
//!
//! Rules of this folder: an interrupt handler stores data in lock-free rings and sets bits in the core's
//! `pending` word, and does nothing else; it takes no lock and allocates nothing. Every vector runs on a stack
//! of the interrupt stack table, because compiled code uses the red zone.

pub mod acpi;
pub mod apic;
pub mod backtrace;
pub mod clock;
pub mod cores;
pub mod cpu;
pub mod debugcon;
pub mod descriptors;
pub mod interrupts;
pub mod paging;
pub mod panic;
pub mod pic;
pub mod power;
pub mod ring3;
pub mod serial;
#[cfg(feature = "campaign")]
pub mod stepping;
pub mod switch;
pub mod symbols;
pub mod trap;

pub use cores::core;

contracts::export_memory_functions!();
