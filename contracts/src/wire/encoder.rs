//! From values to bytes and handles.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::mem;

use super::{Handle, Packet};
use crate::any::AnyEndpoint;
use crate::endpoint::SendFirst;
use crate::exbox::{Content, ExBox, Exhausted};
use crate::exchange::Exchange;

/// Writes a message in wire form. Generated code is its caller.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    handles: Vec<Handle>,
    /// The same for people, if they asked for it.
    text: Option<String>,
}

/// Bytes of the longest varint for a number of so many bits.
pub(crate) const fn varint_bytes(bits: u32) -> usize {
    bits.div_ceil(7) as usize
}

impl Encoder {
    /// An encoder that also writes what people read.
    pub fn with_text() -> Self {
        Encoder { text: Some(String::new()), ..Encoder::default() }
    }

    /// What was written, and the same for people if the encoder was made by [`Encoder::with_text`].
    pub fn finish(self) -> (Packet, String) {
        (Packet { bytes: self.bytes, handles: self.handles }, self.text.unwrap_or_default())
    }

    fn show(&mut self, what: fmt::Arguments<'_>) {
        if let Some(text) = &mut self.text {
            // Writing to a string cannot fail.
            let _ = text.write_fmt(what);
        }
    }

    fn varint(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// The number of a message. Nothing is shown.
    pub(crate) fn message(&mut self, number: u16) {
        self.varint(number.into());
    }

    /// A number of 16 bits or more without sign.
    pub(crate) fn unsigned(&mut self, value: u128) {
        self.show(format_args!("{value}"));
        self.varint(value);
    }

    /// A number of 16 bits or more with sign: postcard's zigzag, in which small numbers of either sign are short.
    pub(crate) fn signed(&mut self, value: i128) {
        self.show(format_args!("{value}"));
        self.varint((value << 1 ^ value >> 127) as u128);
    }

    /// Bytes as they are, shown as `value`.
    pub(crate) fn fixed(&mut self, bytes: &[u8], value: &dyn fmt::Debug) {
        self.show(format_args!("{value:?}"));
        self.bytes.extend_from_slice(bytes);
    }

    /// A text behind its length, shown as `value`.
    pub(crate) fn text(&mut self, text: &str, value: &dyn fmt::Debug) {
        self.show(format_args!("{value:?}"));
        self.varint(text.len() as u128);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Begins a struct, or a message.
    pub fn open(&mut self, name: &str) {
        self.show(format_args!("{name} {{ "));
    }

    /// Begins a variant of an enum, the one at `position`.
    pub fn variant(&mut self, position: u32, name: &str) {
        self.open(name);
        self.varint(position.into());
    }

    /// Begins a field.
    pub fn field(&mut self, name: &str) {
        self.show(format_args!("{name}: "));
    }

    /// Begins a row of elements.
    pub(crate) fn open_row(&mut self) {
        self.show(format_args!("["));
    }

    /// Ends a row of elements.
    pub(crate) fn close_row(&mut self) {
        if let Some(text) = &mut self.text {
            text.truncate(text.strip_suffix(", ").map_or(text.len(), str::len));
            text.push(']');
        }
    }

    /// Ends a field or an element.
    pub fn comma(&mut self) {
        self.show(format_args!(", "));
    }

    /// Ends a struct, a message or a variant.
    ///
    /// # Errors
    /// None: the last word of functions that have some.
    pub fn close(&mut self) -> Result<(), Exhausted> {
        if let Some(text) = &mut self.text {
            match text.strip_suffix(", ").map(str::len) {
                Some(length) => {
                    text.truncate(length);
                    text.push_str(" }");
                }
                // It has no fields.
                None => text.truncate(text.strip_suffix(" { ").map_or(text.len(), str::len)),
            }
        }
        Ok(())
    }

    /// How many blocks and endpoints were written.
    pub(crate) fn handles(&self) -> usize {
        self.handles.len()
    }

    fn handle(&mut self, handle: Handle) {
        self.varint(self.handles.len() as u128);
        self.handles.push(handle);
    }

    /// A block: its index among the handles, and its length if its type does not say.
    pub(crate) fn block<T>(&mut self, block: ExBox<T>) -> Result<(), Exhausted>
    where
        T: Content<Element: Exchange> + ?Sized,
    {
        let length = block.count();
        let block = if <T::Element as Exchange>::ANY_BYTES {
            let block = block.into_block();
            let shown = &block.bytes()[..block.size().min(16)];
            let more = if block.size() > 16 { " .." } else { "" };
            self.show(format_args!("block of {} bytes {shown:02x?}{more}", block.size()));
            block
        } else {
            self.open_row();
            let outer = mem::take(&mut self.bytes);
            let packed = block.into_elements().try_for_each(|element| {
                element.encode(self)?;
                self.comma();
                Ok(())
            });
            let bytes = mem::replace(&mut self.bytes, outer);
            let packed = packed.and_then(|()| ExBox::copy_of(&bytes[..]))?;
            self.close_row();
            packed.into_block()
        };
        self.handle(Handle::Block(block));
        if T::LENGTH.is_none() {
            self.varint(length as u128);
        }
        Ok(())
    }

    /// An endpoint: its index among the handles.
    pub fn endpoint<E: SendFirst>(&mut self, endpoint: E) {
        self.any_endpoint(AnyEndpoint::new(endpoint));
    }

    /// As [`Encoder::endpoint`].
    pub(crate) fn any_endpoint(&mut self, endpoint: AnyEndpoint) {
        self.show(format_args!("{endpoint:?}"));
        self.handle(Handle::Endpoint(endpoint));
    }
}
