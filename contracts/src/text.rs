//! Short texts that travel inside a message.

use core::fmt;
use core::mem::offset_of;
use core::str;

use crate::exbox::Exhausted;
use crate::exchange::{Exchange, Transfer};
use crate::fingerprint;
use crate::form::Form;
use crate::wire::{DecodeError, Decoder, Encoder, varint_bytes};

/// A text of at most `N` bytes of UTF-8, stored in place.
///
/// Holding one proves that its bytes are valid UTF-8 and that they fit.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Text<const N: usize> {
    length: u32,
    bytes: [u8; N],
}

/// Where its parts lie, in bytes from its start, whatever its capacity.
pub(crate) const LENGTH_OFFSET: usize = offset_of!(Text<0>, length);
pub(crate) const BYTES_OFFSET: usize = offset_of!(Text<0>, bytes);

/// A file's or a process's name: as long as a tar header allows.
pub type Name = Text<100>;

/// A text does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes it has.
    pub length: usize,
    /// Bytes that fit.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are too long, the limit is {}", self.length, self.limit)
    }
}

impl core::error::Error for TooLong {}

impl<const N: usize> Text<N> {
    /// The empty text.
    pub const EMPTY: Self = Text { length: 0, bytes: [0; N] };

    /// A copy of `text`.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        let too_long = TooLong { length: text.len(), limit: N };
        let mut this = Self::EMPTY;
        this.bytes.get_mut(..text.len()).ok_or(too_long)?.copy_from_slice(text.as_bytes());
        this.length = text.len() as u32;
        Ok(this)
    }

    /// A copy of as much of `text` as fits, cut between characters.
    pub fn truncated(text: &str) -> Self {
        let end = text.floor_char_boundary(N);
        Self::new(&text[..end]).unwrap_or(Self::EMPTY)
    }

    /// What is written, cut between characters where it does not fit.
    pub fn of(arguments: fmt::Arguments<'_>) -> Self {
        let mut this = Self::EMPTY;
        let _ = fmt::Write::write_fmt(&mut this, arguments);
        this
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length as usize]).unwrap_or("")
    }
}

// SAFETY: two plain fields, `repr(C)`.
unsafe impl<const N: usize> Exchange for Text<N> {
    const FINGERPRINT: u64 = fingerprint::mix(fingerprint::text(fingerprint::SEED, "Text"), N as u64);
    const FORM: Form = Form::Utf8 { capacity: N };
    const HANDLES: usize = 0;
    const ANY_BYTES: bool = false;
    const WIRE_BYTES: usize = varint_bytes(u32::BITS) + N;
    fn hand_over(&self, _: &mut Transfer) {}
    fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted> {
        encoder.text(self.as_str(), &self);
        Ok(())
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut text = Self::EMPTY;
        text.length = decoder.text(&mut text.bytes)? as u32;
        Ok(text)
    }
}

impl<const N: usize> core::ops::Deref for Text<N> {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

/// Appends; what does not fit is cut between characters, and said to be an error.
impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = self.length as usize;
        let end = text.floor_char_boundary(N - start);
        self.bytes[start..start + end].copy_from_slice(&text.as_bytes()[..end]);
        self.length += end as u32;
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_comes_back_and_one_that_does_not_is_refused() {
        assert_eq!(Text::<5>::new("hello").map(|text| text.as_str().len()), Ok(5));
        assert_eq!(Text::<4>::new("hello").err(), Some(TooLong { length: 5, limit: 4 }));
    }

    #[test]
    fn truncation_never_splits_a_character() {
        assert_eq!(Text::<4>::truncated("aé€").as_str(), "aé");
        assert_eq!(Text::<4>::of(format_args!("{}{}{}", 'a', 'é', '€')).as_str(), "aé");
    }
}
