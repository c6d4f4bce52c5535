//! From the kernel's entry to the SIP's main function, and out again.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use contracts::abi::Start;
use contracts::binding::bare;
use contracts::port::RawEnd;
use contracts::{Contract, Endpoint, Receive, Service, Text};

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
}

impl Granted {
    /// # Safety
    ///
    /// `start` is what the kernel gave to the entry point, and there is no other `Granted` for it.
    #[doc(hidden)]
    pub unsafe fn new(start: &'static Start) -> Self {
        Granted { start, services: 0, endpoints: 0 }
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
    let mut message = Message::new();
    let _ = write!(message, "{}", info.message());
    if let Some(location) = info.location() {
        let _ = write!(message, " at {}:{}", location.file(), location.line());
    }
    // SAFETY: the text lies on our stack while the kernel copies it.
    unsafe { (crate::kernel().panic)(message.as_str().as_ptr(), message.as_str().len()) }
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
