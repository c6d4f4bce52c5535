//! Printing on the console, and reading from it.

use core::fmt::{self, Write};

use contracts::spec::console::console::{Client, ClientPolling, ClientReading, ClientWriting, Ready};
use contracts::{Closed, ExBox, Exhausted};

/// Bytes collected before they are printed.
const BUFFER: usize = 4096;

/// Whether Ctrl-C was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Interrupt {
    /// It was.
    Pressed,
    /// It was not.
    None,
}

/// A console to print on with `write!`.
///
/// What is written is collected in one block, which goes to the console and back when it is full, on
/// [`Terminal::flush`], before anything is read, and when the terminal is dropped.
#[derive(Debug)]
pub struct Terminal {
    /// The console and the block; none once the console is gone.
    parts: Option<(Client<Ready>, ExBox<[u8]>)>,
    used: usize,
}

impl Terminal {
    /// A terminal that prints on `console`.
    ///
    /// # Errors
    /// [`Exhausted`] if there is no memory for the block.
    pub fn new(console: Client<Ready>) -> Result<Self, Exhausted> {
        Ok(Terminal { parts: Some((console, ExBox::zeroed(BUFFER)?)), used: 0 })
    }

    /// Prints what was collected.
    ///
    /// # Errors
    /// [`Closed`] if the console is gone, now and from then on.
    pub fn flush(&mut self) -> Result<(), Closed> {
        let used = core::mem::take(&mut self.used);
        if used == 0 {
            return Ok(());
        }
        let (console, block) = self.parts.take().ok_or(Closed)?;
        let ClientWriting::Written { block, next } = console.write(block, used as u64).receive()?;
        self.parts = Some((next, block));
        Ok(())
    }

    /// Prints the first `length` bytes of `block`, which moves to the console and back.
    ///
    /// # Errors
    /// As [`Terminal::flush`].
    pub fn print(&mut self, block: ExBox<[u8]>, length: u64) -> Result<ExBox<[u8]>, Closed> {
        self.flush()?;
        let (console, own) = self.parts.take().ok_or(Closed)?;
        let ClientWriting::Written { block, next } = console.write(block, length).receive()?;
        self.parts = Some((next, own));
        Ok(block)
    }

    /// Waits for keys: at least one, as the terminal sends them.
    ///
    /// # Errors
    /// As [`Terminal::flush`].
    pub fn read(&mut self) -> Result<&[u8], Closed> {
        self.flush()?;
        let (console, block) = self.parts.take().ok_or(Closed)?;
        let ClientReading::Input { buffer, length, next } = console.read(block).receive()?;
        let (_, block) = self.parts.insert((next, buffer));
        Ok(crate::filled(block, length))
    }

    /// Whether Ctrl-C was pressed since keys were last read or asked about. Keys before it are dropped.
    ///
    /// # Errors
    /// As [`Terminal::flush`].
    pub fn poll(&mut self) -> Result<Interrupt, Closed> {
        self.flush()?;
        let (console, block) = self.parts.take().ok_or(Closed)?;
        let (next, interrupt) = match console.poll().receive()? {
            ClientPolling::Interrupted { next } => (next, Interrupt::Pressed),
            ClientPolling::Quiet { next } => (next, Interrupt::None),
        };
        self.parts = Some((next, block));
        Ok(interrupt)
    }
}

impl Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (_, block) = self.parts.as_mut().ok_or(fmt::Error)?;
            let room = &mut block[self.used..];
            let length = room.len().min(rest.len());
            room[..length].copy_from_slice(&rest[..length]);
            self.used += length;
            rest = &rest[length..];
            if self.used == BUFFER {
                self.flush().map_err(|Closed| fmt::Error)?;
            }
        }
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.flush();
    }
}
