//! Backtraces of SIPs, with the names of functions.

use core::cell::Cell;
use core::fmt::{self, Write};

use x86_64::VirtAddr;

use super::images::Image;
use crate::arch::symbols;
use crate::unwind::{self, Start, Tables};

/// Words of a stack that are read at the most.
const MOST_WORDS: usize = 20_000;
/// Frames that are shown at the innermost end, and at the outermost.
const INNERMOST: usize = 24;
const OUTERMOST: usize = 4;
/// Characters of a function's name that are shown.
const MOST_NAME: usize = 120;

/// A SIP's thread that does not run, with its image mapped.
pub(super) struct Scene<'a, W> {
    /// What it runs.
    pub(super) image: &'a Image,
    /// Where the image lies.
    pub(super) base: VirtAddr,
    /// The word at an address of the thread's stack; none if it is not aligned or lies elsewhere.
    pub(super) word: W,
    /// The image's unwinding tables.
    pub(super) tables: Option<Tables<'a>>,
}

/// One call of a function.
#[derive(Clone, Copy)]
struct Frame {
    /// Where it goes on, or where it was interrupted.
    address: u64,
    /// An address in the instruction that it was at: a return address may belong to the next function.
    within: u64,
    /// How many more of the same there are, one around the other.
    repeats: usize,
}

impl<W: Fn(u64) -> Option<u64>> Scene<'_, W> {
    /// Writes a line for each function that had been called, the innermost first.
    pub(super) fn write(&self, start: &Start, out: &mut dyn Write) -> fmt::Result {
        let mut count = 0usize;
        self.runs(start, |_, _| count += 1);
        let mut result = Ok(());
        self.runs(start, |index, frame| {
            let hidden = count.saturating_sub(INNERMOST + OUTERMOST);
            if index < INNERMOST || index >= INNERMOST + hidden {
                result = result.and_then(|()| self.write_frame(&frame, out));
            } else if index == INNERMOST {
                result = result.and_then(|()| writeln!(out, "  ... {hidden} more"));
            }
        });
        result
    }

    /// Shows the calls, those of the same place in one.
    fn runs(&self, start: &Start, mut each: impl FnMut(usize, Frame)) {
        let (mut last, mut index) = (None::<Frame>, 0);
        self.walk(start, |address, within| match &mut last {
            Some(run) if run.address == address => run.repeats += 1,
            _ => {
                if let Some(run) = last.replace(Frame { address, within, repeats: 0 }) {
                    each(index, run);
                    index += 1;
                }
            }
        });
        if let Some(run) = last {
            each(index, run);
        }
    }

    /// Shows each call: where it goes on, and an address in the instruction that it was at.
    fn walk(&self, start: &Start, mut each: impl FnMut(u64, u64)) {
        let left = Cell::new(MOST_WORDS);
        let read = |address: u64| {
            left.set(left.get().checked_sub(1)?);
            (self.word)(address)
        };
        let frame = match start {
            Start::InFrame { address, frame } => {
                each(*address, address.wrapping_sub(1));
                *frame
            }
            Start::Interrupted(registers) => {
                each(registers.rip, registers.rip);
                let in_image =
                    |address: u64| self.offset(address).filter(|offset| self.image.is_code(*offset));
                match unwind::first_step(registers, self.tables.as_ref(), in_image, &read) {
                    Some((address, frame)) => {
                        each(address, address.wrapping_sub(1));
                        frame
                    }
                    None => registers.rbp,
                }
            }
        };
        unwind::chain(frame, read, |address| each(address, address.wrapping_sub(1)));
    }

    /// How far from the load address.
    fn offset(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.base.as_u64())
    }

    fn write_frame(&self, frame: &Frame, out: &mut dyn Write) -> fmt::Result {
        let offset = self.offset(frame.within).filter(|offset| self.image.is_code(*offset));
        let (function, start) = match offset {
            Some(offset) => {
                write!(out, "  {}+{:#x}", self.image.manifest().name, frame.address - self.base.as_u64())?;
                (self.image.function_at(offset), self.base.as_u64())
            }
            None => {
                write!(out, "  {:#x}", frame.address)?;
                (symbols::lookup(frame.within), 0)
            }
        };
        if let Some(function) = function {
            let mut name = Short { out, left: MOST_NAME };
            write!(name, " {:#}", rustc_demangle::demangle(function.name))?;
            write!(out, "+{:#x}", frame.address - start - function.address)?;
        }
        match frame.repeats {
            0 => writeln!(out),
            repeats => writeln!(out, ", {repeats} more"),
        }
    }
}

/// Leaves out what is too long.
struct Short<'a> {
    out: &'a mut dyn Write,
    left: usize,
}

impl Write for Short<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(self.left);
        self.left -= room;
        self.out.write_str(&text[..room])
    }
}

/// The name of the function at an address that is counted from the load address of its image.
pub(super) fn write_function(image: &Image, offset: u64, out: &mut dyn Write) -> fmt::Result {
    match image.function_at(offset) {
        Some(function) => {
            let mut name = Short { out, left: MOST_NAME };
            write!(name, " in {:#}", rustc_demangle::demangle(function.name))
        }
        None => Ok(()),
    }
}
