//! Shares one terminal among those who print and those who read.
//!
//! A write goes on to the serial port as the block that it came in. Keys are kept until somebody asks for them; readers
//! are served in the order in which they asked.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::collections::VecDeque;
use core::fmt;

use contracts::spec::console::console::{Reading, Ready, Server, ServerReady, Watching};
use contracts::spec::serial::serial_input::{self, ClientReading};
use contracts::spec::serial::serial_output::{self, ClientWriting};
use contracts::{Closed, Either, EndpointSet, ExBox, Exhausted, SendFirst};

mod keys;

pub use keys::{CTRL_C, KEYS_KEPT, Keys};

/// Whom the console waits for: a client, or the serial port.
pub type Member = Either<Server<Ready>, serial_input::Client<serial_input::Reading>>;

/// Bytes asked of the serial port at once.
const INPUT: usize = 512;

/// Why the console ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The serial port is gone.
    SerialPortGone,
    /// There is no memory for the block that keys come in.
    Exhausted,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trouble::SerialPortGone => "the serial port is gone",
            Trouble::Exhausted => "out of memory",
        })
    }
}

impl From<Closed> for Trouble {
    fn from(_: Closed) -> Self {
        Trouble::SerialPortGone
    }
}

impl From<Exhausted> for Trouble {
    fn from(_: Exhausted) -> Self {
        Trouble::Exhausted
    }
}

/// Serves `members` until the serial port is gone; what a user should know and no client can be told goes to `log`.
///
/// # Errors
/// Why it ended.
pub fn serve(
    mut members: EndpointSet<Member>,
    input: serial_input::Client<serial_input::Idle>,
    mut output: serial_output::Client<serial_output::Idle>,
    log: impl Fn(fmt::Arguments<'_>),
) -> Result<(), Trouble> {
    let mut waiting = Waiting::default();
    members.insert(Either::That(input.read(ExBox::zeroed(INPUT)?)), ());
    loop {
        match members.receive().received {
            Ok(Either::This(ServerReady::Write { block, length, next })) => {
                let length = rt::filled(&block, length).len() as u64;
                let ClientWriting::Written { block, next: idle } = output.write(block, length).receive()?;
                output = idle;
                members.insert(Either::This(next.written(block)), ());
            }
            Ok(Either::This(ServerReady::Read { buffer, next })) => waiting.readers.push_back((next, buffer)),
            Ok(Either::This(ServerReady::Poll { next })) => {
                let client = if waiting.keys.take_ctrl_c() { next.interrupted() } else { next.quiet() };
                members.insert(Either::This(client), ());
            }
            Ok(Either::This(ServerReady::Watch { next })) => waiting.watchers.push_back(next),
            Ok(Either::That(ClientReading::Data { buffer, length, next })) => {
                for key in rt::filled(&buffer, length) {
                    if let Some(watcher) = waiting.key(*key, &log) {
                        members.insert(Either::This(watcher), ());
                    }
                }
                members.insert(Either::That(next.read(buffer)), ());
            }
            // A client has gone; or the serial port, which the next write finds out.
            Err(Closed) => {}
        }
        while let Some(reader) = waiting.serve_reader(&log) {
            members.insert(Either::This(reader), ());
        }
        waiting.forget_gone();
    }
}

/// Those who wait for keys, and the keys that wait for somebody.
#[derive(Default)]
struct Waiting {
    keys: Keys,
    readers: VecDeque<(Server<Reading>, ExBox<[u8]>)>,
    watchers: VecDeque<Server<Watching>>,
}

impl Waiting {
    /// Closes the channels of those who wait no more.
    fn forget_gone(&mut self) {
        self.watchers =
            core::mem::take(&mut self.watchers).into_iter().filter_map(|it| it.if_open().ok()).collect();
    }

    /// Takes a key from the terminal. A watcher that was told of it comes back.
    fn key(&mut self, key: u8, log: impl Fn(fmt::Arguments<'_>)) -> Option<Server<Ready>> {
        if key == CTRL_C {
            while let Some(watcher) = self.watchers.pop_back() {
                if let Ok(watcher) = watcher.if_open() {
                    self.keys.clear();
                    return Some(watcher.ctrl_c());
                }
            }
        }
        if self.keys.push(key) == keys::Pushed::FirstLost {
            log(format_args!("nobody reads the terminal: keys beyond {KEYS_KEPT} are lost"));
        }
        None
    }

    /// Gives keys to the next reader, if there are both.
    fn serve_reader(&mut self, log: impl Fn(fmt::Arguments<'_>)) -> Option<Server<Ready>> {
        while !self.keys.is_empty() {
            let (reader, mut buffer) = self.readers.pop_front()?;
            let Ok(reader) = reader.if_open() else { continue };
            let (length, lost) = self.keys.take(&mut buffer);
            if lost != 0 {
                log(format_args!("{lost} keys were lost"));
            }
            return Some(reader.input(buffer, length as u64));
        }
        None
    }
}

#[cfg(test)]
mod tests;
