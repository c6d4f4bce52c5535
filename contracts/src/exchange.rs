//! What may cross a channel.
//!
//! A type is [`Exchange`] if a value of it means the same to its receiver: integers, `bool`, floats, `char`,
//! arrays and `repr(C)` structs and enums of those, blocks, and endpoints in a state in which they send next.
//! References, `Rc`, `Vec`, `String`, `dyn`, function and raw pointers are not: they would let one SIP hold
//! memory that belongs to another.

use core::mem::{ManuallyDrop, MaybeUninit, align_of, size_of};
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::{BlockEntry, End, Owner, Tracked};
use crate::exbox::Exhausted;
use crate::fingerprint;
use crate::form::{Form, Shaped};
use crate::wire::{DecodeError, Decoder, Encoder, varint_bytes};

/// A type whose values may cross a channel.
///
/// [Decoding](crate::wire) makes values of it from bytes, without the type's own functions being asked: see
/// `derive(Exchange)` for what that means, and for a check.
///
/// # Safety
///
/// A value holds no pointer to the sender's memory other than through blocks and endpoints; its layout is fixed
/// (`repr(C)` or primitive) and covered by `FINGERPRINT`; `FORM` says where each part lies, and what bytes it may be;
/// `hand_over` reaches every block and endpoint that the value holds, in the order in which they lie there, each block
/// before what it holds; `ANY_BYTES` is not claimed of a type for which it is not so.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross a channel",
    label = "not an `Exchange` type",
    note = "what crosses: integers, `bool`, `char`, floats, arrays and `#[derive(Exchange)]` types of those, `Text<N>`, \
            `ExBox<T>`, `ExBox<[T]>`, and endpoints in a state in which they send next",
    note = "references, `Rc`, `Arc`, `Vec`, `String`, `dyn`, function and raw pointers do not: put the data in a block",
    note = "`Option` and `Result` do not: make it two messages, or a `#[repr(C)]` enum of your own"
)]
pub unsafe trait Exchange: Sized + Send + 'static {
    /// Hash of the type's name, layout and parts. An endpoint counts by its contract's name, its side and its state.
    const FINGERPRINT: u64;
    /// The type taken apart: what is checked in bytes that are not believed, and the contracts of the endpoints that a
    /// value can hold, also in blocks.
    const FORM: Form;
    /// How many blocks and endpoints a value holds at most. The type of a block with a length of its own does not say how
    /// many there are in it, so those are not among them.
    const HANDLES: usize;
    /// Whether every row of bytes of this size is a value, and no byte of a value is padding: then a block of values
    /// can be taken from somebody who is not believed, and given to somebody who must not see what lies between them.
    const ANY_BYTES: bool;
    /// Bytes of the longest value in wire form.
    const WIRE_BYTES: usize;
    /// Whether the type, or one of those that it consists of, has a check of its own.
    const CHECKED: bool = false;
    /// Whether the checks of all parts and the type's own take the value for one.
    fn check(&self) -> bool {
        true
    }
    /// Whether the type's own check does.
    #[doc(hidden)]
    fn holds(&self) -> bool {
        true
    }
    /// Hands every block and endpoint that the value holds to the transfer.
    fn hand_over(&self, transfer: &mut Transfer);
    /// Writes the value in [wire form](crate::wire).
    #[doc(hidden)]
    fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted>;
    /// Reads a value in wire form.
    #[doc(hidden)]
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// The most blocks and endpoints that one message carries.
///
/// A contract in which a message could have more fields of that kind is refused by the compiler. Of those in a block whose
/// type does not say how many there are, any number goes from one SIP to another; in [wire form](crate::wire) they
/// count, too, and a message with more is refused.
pub const MOST_HANDLES: usize = 64;

/// One message's blocks and endpoints on their way to a new owner.
pub struct Transfer {
    to: Owner,
    chain: *const Tracked,
    blocks: u64,
    bytes: u64,
}

impl Transfer {
    pub(crate) fn new(to: Owner) -> Self {
        Transfer { to, chain: ptr::null(), blocks: 0, bytes: 0 }
    }

    #[inline]
    fn tag(&mut self, tracked: &Tracked) {
        tracked.owner.store(self.to.to_bits(), Relaxed);
        tracked.next.store(self.chain.cast_mut(), Relaxed);
        self.chain = tracked;
    }

    #[inline]
    pub(crate) fn block(&mut self, entry: &BlockEntry) {
        self.tag(&entry.tracked);
        self.blocks += 1;
        self.bytes += entry.size.load(Relaxed) as u64;
    }

    #[inline]
    pub(crate) fn end(&mut self, end: &End) {
        self.tag(&end.tracked);
    }

    /// The chain of all that was handed over, and how many blocks and bytes that was.
    pub(crate) fn finish(self) -> (*const Tracked, u64, u64) {
        (self.chain, self.blocks, self.bytes)
    }
}

macro_rules! plain {
    ($any_bytes:literal, $form:expr; $($type:ty, $bytes:expr, $encode:expr, $decode:expr;)*) => {$(
        // SAFETY: a primitive holds no pointer and no handle, and its layout is fixed by the platform; any bytes are a
        // value of integers, floats and `()`.
        unsafe impl Exchange for $type {
            const FINGERPRINT: u64 = fingerprint::mix(
                fingerprint::text(fingerprint::SEED, stringify!($type)),
                (size_of::<$type>() << 8 | align_of::<$type>()) as u64,
            );
            const FORM: Form = $form;
            const HANDLES: usize = 0;
            const ANY_BYTES: bool = $any_bytes;
            const WIRE_BYTES: usize = $bytes;
            fn hand_over(&self, _: &mut Transfer) {}
            fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted> {
                let encode: fn(&mut Encoder, $type) = $encode;
                encode(encoder, self);
                Ok(())
            }
            fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let decode: fn(&mut Decoder<'_>) -> Result<$type, DecodeError> = $decode;
                decode(decoder)
            }
        }
    )*};
    (unsigned; $($type:ty),*) => {plain! { true, Form::Bytes; $(
        $type, varint_bytes(<$type>::BITS), |to, value| to.unsigned(value as u128),
            |from| Ok(from.unsigned(<$type>::BITS)? as $type);
    )*}};
    (signed; $($type:ty),*) => {plain! { true, Form::Bytes; $(
        $type, varint_bytes(<$type>::BITS), |to, value| to.signed(value as i128),
            |from| Ok(from.signed(<$type>::BITS)? as $type);
    )*}};
    (as they are; $($type:ty),*) => {plain! { true, Form::Bytes; $(
        $type, size_of::<$type>(), |to, value| to.fixed(&value.to_le_bytes(), &value),
            |from| Ok(<$type>::from_le_bytes(from.fixed()?));
    )*}};
}

plain!(unsigned; u16, u32, u64, u128, usize);
plain!(signed; i16, i32, i64, i128, isize);
plain!(as they are; u8, i8, f32, f64);
plain! { true, Form::Bytes;
    (), 0, |to, ()| to.fixed(&[], &()), |_| Ok(());
}
plain! { false, Form::Bool;
    bool, 1, |to, value| to.fixed(&[u8::from(value)], &value), |from| from.bool();
}
plain! { false, Form::Char;
    char, 5, |to, value| to.text(value.encode_utf8(&mut [0; 4]), &value), |from| from.char();
}

// SAFETY: an array is its elements in a row; each is handed over.
unsafe impl<T: Exchange, const N: usize> Exchange for [T; N] {
    const FINGERPRINT: u64 = fingerprint::mix(
        fingerprint::mix(fingerprint::text(fingerprint::SEED, "array"), T::FINGERPRINT),
        N as u64,
    );
    const FORM: Form = Form::Row { element: &const { Shaped::of::<T>() }, count: N };
    const HANDLES: usize = T::HANDLES.saturating_mul(N);
    const ANY_BYTES: bool = T::ANY_BYTES || N == 0;
    const WIRE_BYTES: usize = T::WIRE_BYTES.saturating_mul(N);
    const CHECKED: bool = T::CHECKED && N > 0;
    fn check(&self) -> bool {
        !T::CHECKED || self.iter().all(T::check)
    }
    fn hand_over(&self, transfer: &mut Transfer) {
        if T::HANDLES > 0 {
            self.iter().for_each(|element| element.hand_over(transfer));
        }
    }
    fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted> {
        encoder.open_row();
        for element in self {
            element.encode(encoder)?;
            encoder.comma();
        }
        encoder.close_row();
        Ok(())
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut row = Row { elements: [const { MaybeUninit::uninit() }; N], filled: 0 };
        while let Some(place) = row.elements.get_mut(row.filled) {
            place.write(T::decode(decoder)?);
            row.filled += 1;
        }
        let row = ManuallyDrop::new(row);
        // SAFETY: every element is there, and `row` will not drop them.
        Ok(unsafe { row.elements.as_ptr().cast::<[T; N]>().read() })
    }
}

/// An array that is filled from the front: large ones must not lie on the stack more often than they have to.
struct Row<T, const N: usize> {
    elements: [MaybeUninit<T>; N],
    filled: usize,
}

impl<T, const N: usize> Drop for Row<T, N> {
    fn drop(&mut self) {
        for element in &mut self.elements[..self.filled] {
            // SAFETY: it was written, and nobody else drops it.
            unsafe { element.assume_init_drop() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_different_layout_have_different_fingerprints() {
        let all = [
            u8::FINGERPRINT,
            u32::FINGERPRINT,
            i32::FINGERPRINT,
            <[u8; 4]>::FINGERPRINT,
            <[u8; 5]>::FINGERPRINT,
            <[[u8; 2]; 2]>::FINGERPRINT,
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "fingerprint {i} is not unique");
        }
    }
}
