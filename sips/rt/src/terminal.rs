//! Printing on the console, and reading from it.

use core::fmt::{self, Write};

use contracts::spec::console::Console;
use contracts::spec::console::console::{Client, ClientPolling, ClientReading, ClientWriting, Ready};
use contracts::{Closed, ExBox, Exhausted};

use crate::reconnect::{Reconnecting, Unavailable};

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
///
/// When the console ends while it has the block, what is in it is lost. A terminal [`over`](Terminal::over) a console that
/// is started again goes on with the next one.
#[derive(Debug)]
pub struct Terminal {
    console: Reconnecting<Console>,
    /// None while the console has it, and when it was lost there.
    block: Option<ExBox<[u8]>>,
    used: usize,
}

impl Terminal {
    /// A terminal that prints on `console`, for as long as that is there.
    ///
    /// # Errors
    /// [`Exhausted`] if there is no memory for the block.
    pub fn new(console: Client<Ready>) -> Result<Self, Exhausted> {
        Terminal::over(Reconnecting::once("console", console))
    }

    /// A terminal that prints on `console`, and on those that come after it.
    ///
    /// # Errors
    /// As [`Terminal::new`].
    pub fn over(console: Reconnecting<Console>) -> Result<Self, Exhausted> {
        Ok(Terminal { console, block: Some(ExBox::zeroed(BUFFER)?), used: 0 })
    }

    /// A further channel to the console, beside this one; none if there is none now.
    pub fn another(&mut self) -> Option<Client<Ready>> {
        self.console.another()
    }

    /// Prints what was collected.
    ///
    /// # Errors
    /// [`Closed`] if the console is gone, or ended meanwhile; what was collected is lost.
    pub fn flush(&mut self) -> Result<(), Closed> {
        let used = core::mem::take(&mut self.used);
        if used == 0 {
            return Ok(());
        }
        let console = self.take()?;
        let Some(block) = self.block.take() else {
            self.console.put(console);
            return Err(Closed);
        };
        let ClientWriting::Written { block, next } = console.write(block, used as u64).receive()?;
        self.console.put(next);
        self.block = Some(block);
        Ok(())
    }

    /// Prints the first `length` bytes of `block`, which moves to the console and back.
    ///
    /// # Errors
    /// As [`Terminal::flush`]; the block is lost.
    pub fn print(&mut self, block: ExBox<[u8]>, length: u64) -> Result<ExBox<[u8]>, Closed> {
        self.flush()?;
        let ClientWriting::Written { block, next } = self.take()?.write(block, length).receive()?;
        self.console.put(next);
        Ok(block)
    }

    /// Waits for keys: at least one, as the terminal sends them. If the console ends meanwhile, they are asked of the next.
    ///
    /// # Errors
    /// [`Closed`] if there is no next one, or no memory for a block.
    pub fn read(&mut self) -> Result<&[u8], Closed> {
        // What could not be printed is lost; the next console may well take keys.
        let _ = self.flush();
        loop {
            let console = self.take()?;
            let block = self.take_block()?;
            if let Ok(ClientReading::Input { buffer, length, next }) = console.read(block).receive() {
                self.console.put(next);
                return Ok(crate::filled(self.block.insert(buffer), length));
            }
        }
    }

    /// Whether Ctrl-C was pressed since keys were last read or asked about. Keys before it are dropped.
    ///
    /// # Errors
    /// [`Closed`] if the console is gone, and no other comes.
    pub fn poll(&mut self) -> Result<Interrupt, Closed> {
        let _ = self.flush();
        let ask = |console: Client<Ready>| match console.poll().receive()? {
            ClientPolling::Interrupted { next } => Ok((next, Interrupt::Pressed)),
            ClientPolling::Quiet { next } => Ok((next, Interrupt::None)),
        };
        self.console.request(ask).map_err(|Unavailable { .. }| Closed)
    }

    fn take(&mut self) -> Result<Client<Ready>, Closed> {
        self.console.take().map_err(|Unavailable { .. }| Closed)
    }

    /// The block, or a new one if it was lost.
    fn take_block(&mut self) -> Result<ExBox<[u8]>, Closed> {
        match self.block.take() {
            Some(block) => Ok(block),
            None => ExBox::zeroed(BUFFER).map_err(|Exhausted| Closed),
        }
    }
}

impl Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let block = self.take_block().map_err(|Closed| fmt::Error)?;
            let room = &mut self.block.insert(block)[self.used..];
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

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use contracts::Contract;
    use contracts::spec::console::console::{Server, ServerReady};

    /// A console that prints into a channel, and ends over the line `die`.
    fn serve(mut server: Server<Ready>, screen: &mpsc::Sender<String>) {
        while let Ok(request) = server.receive() {
            server = match request {
                ServerReady::Write { block, length, next } => {
                    let text = String::from_utf8_lossy(crate::filled(&block, length)).into_owned();
                    if text == "die" {
                        return;
                    }
                    screen.send(text).expect("the test looks");
                    next.written(block)
                }
                ServerReady::Read { mut buffer, next } => {
                    buffer[0] = b'k';
                    next.input(buffer, 1)
                }
                ServerReady::Poll { next } => next.quiet(),
                ServerReady::Watch { next } => next.ctrl_c(),
            };
        }
    }

    fn terminal() -> (Terminal, mpsc::Receiver<String>) {
        let (print, screen) = mpsc::channel();
        let connect = move || {
            let (client, server) = Console::channel().expect("memory");
            let print = print.clone();
            thread::spawn(move || serve(server, &print));
            client
        };
        let first = connect();
        let console = Reconnecting::new("console", first, move || Some(connect()));
        (Terminal::over(console).expect("memory"), screen)
    }

    #[test]
    fn a_terminal_goes_on_with_the_next_console() {
        let (mut terminal, screen) = terminal();
        write!(terminal, "one").expect("it prints");
        terminal.flush().expect("it prints");
        write!(terminal, "die").expect("it is collected");
        assert_eq!(terminal.flush(), Err(Closed), "what the console had is lost");
        write!(terminal, "two").expect("it prints again");
        assert_eq!(terminal.read(), Ok(&b"k"[..]));
        write!(terminal, "die").expect("it is collected");
        assert_eq!(terminal.read(), Ok(&b"k"[..]), "keys are asked of the next one");
        write!(terminal, "die").expect("it is collected");
        assert_eq!(terminal.poll(), Ok(Interrupt::None));
        let block = ExBox::copy_of(b"three").expect("memory");
        drop(terminal.print(block, 5).expect("it prints"));
        drop(terminal);
        assert_eq!(screen.iter().collect::<std::vec::Vec<_>>(), ["one", "two", "three"]);
    }

    #[test]
    fn a_terminal_on_one_console_ends_with_it() {
        let (client, server) = Console::channel().expect("memory");
        let mut terminal = Terminal::new(client).expect("memory");
        drop(server);
        write!(terminal, "one").expect("it is collected");
        assert_eq!(terminal.flush(), Err(Closed));
        assert_eq!(terminal.read().err(), Some(Closed));
        assert_eq!(terminal.poll(), Err(Closed));
    }
}
