//! From the kernel's entry to the SIP's main function, and out again.

use core::fmt::{self, Write};
use core::panic::{Location, PanicInfo};

use contracts::abi::Start;
use contracts::binding::bare;
use contracts::port::RawEnd;
use contracts::{Contract, Endpoint, Receive, Service, Text};

use crate::reconnect::Port;

/// What a SIP's main function may return.
pub trait Outcome {
    /// What went wrong, to be logged; nothing if it is a success.
    fn failure(self) -> Option<Text<200>>;
}

impl Outcome for () {
    fn failure(self) -> Option<Text<200>> {
        None
    }
}

impl<E: fmt::Display> Outcome for Result<(), E> {
    fn failure(self) -> Option<Text<200>> {
        self.err().map(|error| {
            let mut message = Message::new();
            // What does not fit is cut off.
            let _ = write!(message, "{error}");
            Text::truncated(message.as_str())
        })
    }
}

/// Tells the contracts crate of this image who serves it. Only what [`crate::manifest!`] writes calls it.
///
/// # Safety
///
/// `start` is what the kernel gave to the entry point, and this is the first call of anything in the image.
#[doc(hidden)]
pub unsafe fn enter(start: &'static Start) {
    // SAFETY: the kernel's word, passed on by the caller.
    unsafe { bare::start(start.table, start.account) }
}

/// Hands out what the kernel granted, in the manifest's order. Only what [`crate::manifest!`] writes can make one, as only
/// an entry point is given a [`Start`].
#[doc(hidden)]
pub struct Granted {
    start: &'static Start,
    services: usize,
    endpoints: usize,
    ports: usize,
}

impl Granted {
    /// # Safety
    ///
    /// `start` is what the kernel gave to the entry point, and there is no other `Granted` for it.
    #[doc(hidden)]
    pub unsafe fn new(start: &'static Start) -> Self {
        Granted { start, services: 0, endpoints: 0, ports: 0 }
    }

    #[doc(hidden)]
    pub fn argument(&self) -> &'static str {
        // SAFETY: the kernel's words about memory that lives as long as the SIP.
        let bytes = unsafe { core::slice::from_raw_parts(self.start.argument, self.start.argument_length) };
        core::str::from_utf8(bytes).unwrap_or("")
    }

    #[doc(hidden)]
    pub fn service<C: Contract>(&mut self) -> Service<C>
    where
        C::Server: Receive,
    {
        let index = self.services;
        self.services += 1;
        // SAFETY: the kernel made a set for each `provides`, and places ends of its contract only.
        unsafe { Service::from_raw(&**self.start.provided.add(index)) }
    }

    #[doc(hidden)]
    pub fn endpoint<E: Endpoint>(&mut self) -> E {
        let index = self.endpoints;
        self.endpoints += 1;
        // SAFETY: the kernel made a channel for each `uses`, in its contract's start state, and this is its client's end.
        unsafe { E::from_raw(RawEnd::new(&**self.start.used.add(index))) }
    }

    #[doc(hidden)]
    pub fn port<C: Contract>(&mut self, service: &'static str) -> Port<C> {
        let index = self.ports;
        self.ports += 1;
        // SAFETY: ports are handed out in the manifest's order, for each `uses` one.
        unsafe { Port::new(service, index) }
    }
}

/// Runs the main function and ends the SIP.
#[doc(hidden)]
pub fn run<G, O: Outcome>(main: impl FnOnce(G) -> O, grants: G) -> ! {
    let status = match main(grants).failure() {
        None => 0,
        Some(message) => {
            crate::log!("failed: {message}");
            1
        }
    };
    (crate::kernel().exit)(status)
}

/// Ends the SIP with the panic's message and place.
#[doc(hidden)]
pub fn panicked(info: &PanicInfo<'_>) -> ! {
    let message = panic_message(info.message(), info.location());
    // SAFETY: the text lies on our stack while the kernel copies it.
    unsafe { (crate::kernel().panic)(message.as_ptr(), message.len()) }
}

/// Bytes of a panic's message that the kernel keeps.
const MOST_PANIC: usize = 300;
/// Bytes of a file's name that a panic's message shows, the last ones.
const MOST_FILE: usize = 100;

/// What is said of a panic. If it is too long, the message is cut off, and the place is not.
fn panic_message(message: impl fmt::Display, place: Option<&Location<'_>>) -> Text<MOST_PANIC> {
    let mut end = Text::<{ MOST_FILE + 40 }>::default();
    if let Some(place) = place {
        let file = place.file();
        let start = file.ceil_char_boundary(file.len().saturating_sub(MOST_FILE));
        let left_out = if start > 0 { "..." } else { "" };
        let _ = write!(end, " at {left_out}{}:{}:{}", &file[start..], place.line(), place.column());
    }
    let mut text = Text::<MOST_PANIC>::default();
    // What does not fit is cut off.
    let _ = write!(text, "{message}");
    let mut text = Text::truncated(&text[..text.floor_char_boundary(MOST_PANIC - end.len())]);
    let _ = text.write_str(&end);
    text
}

/// A text on the stack; what does not fit is cut off. A panicking SIP's heap is not to be relied on.
pub(crate) struct Message {
    bytes: [u8; 512],
    length: usize,
}

impl Message {
    pub(crate) fn new() -> Self {
        Message { bytes: [0; 512], length: 0 }
    }

    pub(crate) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("")
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = text.floor_char_boundary(self.bytes.len() - self.length);
        self.bytes[self.length..self.length + room].copy_from_slice(&text.as_bytes()[..room]);
        self.length += room;
        if room < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::{String, ToString};

    use super::*;

    #[test]
    fn what_is_said_of_a_panic_ends_with_its_place_however_long_the_message() {
        let place = Location::caller();
        let end = std::format!(" at {}:{}:{}", place.file(), place.line(), place.column());
        assert!(place.file().len() < MOST_FILE);
        for length in [0, 1, 200, MOST_PANIC, 10_000] {
            for letter in ["x", "\u{e4}", "\u{1f980}"] {
                let message: String = letter.repeat(length);
                let text = panic_message(&message, Some(place)).to_string();
                let (said, _) = text.split_at(text.len() - end.len());
                assert!(text.ends_with(&end) && message.starts_with(said), "{text}");
                assert!(said.len() == message.len() || text.len() > MOST_PANIC - 4, "{text}");
            }
        }
        assert_eq!(&*panic_message("alone", None), "alone");
    }
}
