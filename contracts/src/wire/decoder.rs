//! From bytes and handles to values, believing nothing.

use core::str;

use super::{Block, DecodeError, Handle, HandleFault, ValueFault, Violation};
use crate::any::AnyEndpoint;
use crate::endpoint::SendFirst;
use crate::exbox::{Content, ExBox};
use crate::exchange::Exchange;
#[cfg(any(feature = "std", feature = "campaign"))]
use crate::exchange::MOST_HANDLES;
#[cfg(any(feature = "std", feature = "campaign"))]
use crate::testing::Random;

/// Reads a message in wire form, or makes one up. Generated code is its caller.
///
/// Making one up is reading from a source of which every answer is acceptable, so that one set of functions knows what
/// the values of a type are.
#[derive(Debug)]
pub struct Decoder<'a> {
    source: Source<'a>,
    handles: &'a mut [Option<Handle>],
    field: &'static str,
}

#[derive(Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    #[cfg(any(feature = "std", feature = "campaign"))]
    Random {
        random: &'a mut Random,
        /// How many blocks and endpoints there may be in the blocks whose type does not say.
        spare: usize,
    },
}

/// How often a value is made up that its type's check refuses.
#[cfg(any(feature = "std", feature = "campaign"))]
const MOST_TRIES: usize = 10_000;

/// The value if it is made up.
macro_rules! made_up {
    ($this:ident, $random:ident => $value:expr) => {
        #[cfg(any(feature = "std", feature = "campaign"))]
        if let Source::Random { random: $random, .. } = &mut $this.source {
            return Ok($value);
        }
    };
}

impl<'a> Decoder<'a> {
    /// Reads from `bytes`, with these handles. Those that a value uses are taken.
    pub fn new(bytes: &'a [u8], handles: &'a mut [Option<Handle>]) -> Self {
        Decoder { source: Source::Bytes(bytes), handles, field: "" }
    }

    /// Makes values up.
    #[cfg(any(feature = "std", feature = "campaign"))]
    pub fn random(random: &'a mut Random) -> Self {
        Decoder { source: Source::Random { random, spare: 0 }, handles: &mut [], field: "" }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If bytes or handles are left.
    pub fn finish(self) -> Result<(), Violation> {
        self.finish_bytes()?;
        match self.handles.iter().flatten().count() {
            0 => Ok(()),
            count => Err(Violation::UnusedHandles { count }),
        }
    }

    fn finish_bytes(&self) -> Result<(), Violation> {
        match &self.source {
            Source::Bytes([]) => Ok(()),
            Source::Bytes(rest) => Err(Violation::TrailingBytes { bytes: rest.len() }),
            #[cfg(any(feature = "std", feature = "campaign"))]
            Source::Random { .. } => Ok(()),
        }
    }

    /// Reads a part, naming it in case it is bad.
    pub(crate) fn named<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let outer = core::mem::replace(&mut self.field, name);
        let value = read(self)?;
        self.field = outer;
        Ok(value)
    }

    /// That the value just read is none.
    #[cold]
    pub(crate) fn bad_value(&self, fault: ValueFault) -> DecodeError {
        Violation::BadValue { field: self.field, fault }.into()
    }

    #[cold]
    fn bad_handle(&self, fault: HandleFault) -> DecodeError {
        Violation::BadHandle { field: self.field, fault }.into()
    }

    /// The next bytes.
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = Violation::Truncated { field: self.field };
        match &mut self.source {
            Source::Bytes(bytes) => Ok(bytes.split_off(..count).ok_or(truncated)?),
            #[cfg(any(feature = "std", feature = "campaign"))]
            Source::Random { .. } => Err(truncated.into()),
        }
    }

    /// A number of at most `bits` bits as postcard's varint, in the one shortest form.
    fn varint(&mut self, bits: u32) -> Result<u128, DecodeError> {
        let mut value = 0_u128;
        let mut shift = 0;
        loop {
            let byte = self.take(1)?[0];
            let part = u128::from(byte & 0x7f);
            let fits = shift < bits && (shift + 7 <= bits || part >> (bits - shift) == 0);
            if !fits || (byte == 0 && shift > 0) {
                return Err(self.bad_value(ValueFault::Number));
            }
            value |= part << shift;
            if byte < 0x80 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// The body of a message.
    pub(crate) fn body<B: Exchange>(&mut self) -> Result<B, DecodeError> {
        #[cfg(any(feature = "std", feature = "campaign"))]
        if let Source::Random { spare, .. } = &mut self.source {
            *spare = MOST_HANDLES - B::HANDLES;
        }
        B::decode(self)
    }

    /// The number of a message.
    pub(crate) fn message(&mut self) -> Result<u32, DecodeError> {
        Ok(self.varint(u32::BITS)? as u32)
    }

    /// The reverse of `Encoder::unsigned`.
    pub(crate) fn unsigned(&mut self, bits: u32) -> Result<u128, DecodeError> {
        made_up!(self, random => random.number(bits));
        self.varint(bits)
    }

    /// The reverse of `Encoder::signed`.
    pub(crate) fn signed(&mut self, bits: u32) -> Result<i128, DecodeError> {
        let value = self.unsigned(bits)?;
        Ok((value >> 1) as i128 ^ -((value & 1) as i128))
    }

    /// The reverse of `Encoder::fixed`.
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        made_up!(self, random => core::array::from_fn(|_| random.byte()));
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// A `bool`.
    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        made_up!(self, random => random.below(2) == 1);
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(self.bad_value(ValueFault::Bool)),
        }
    }

    /// A `char`.
    pub(crate) fn char(&mut self) -> Result<char, DecodeError> {
        made_up!(self, random => random.char());
        let mut buffer = [0; 4];
        let length = self.text(&mut buffer)?;
        let mut chars = str::from_utf8(&buffer[..length]).unwrap_or("").chars();
        match (chars.next(), chars.next()) {
            (Some(char), None) => Ok(char),
            _ => Err(self.bad_value(ValueFault::Char)),
        }
    }

    /// A text into `buffer`, of which it may fill as much as there is. Its length in bytes.
    pub(crate) fn text(&mut self, buffer: &mut [u8]) -> Result<usize, DecodeError> {
        made_up!(self, random => random.text(buffer));
        let length = self.varint(u64::BITS)?;
        let Some(buffer) = usize::try_from(length).ok().and_then(|length| buffer.get_mut(..length)) else {
            return Err(self.bad_value(ValueFault::Length));
        };
        buffer.copy_from_slice(self.take(buffer.len())?);
        match str::from_utf8(buffer) {
            Ok(text) => Ok(text.len()),
            Err(_) => Err(self.bad_value(ValueFault::Utf8)),
        }
    }

    /// The position of an enum's variant, below `count`.
    pub fn variant(&mut self, count: u32) -> Result<u32, DecodeError> {
        made_up!(self, random => random.below(count as usize) as u32);
        match self.varint(u32::BITS)? {
            position if position < u128::from(count) => Ok(position as u32),
            _ => Err(self.no_variant()),
        }
    }

    /// That a variant does not exist.
    #[cold]
    pub fn no_variant(&self) -> DecodeError {
        self.bad_value(ValueFault::Variant)
    }

    /// A value that its type's check takes for one. It is made up again until the check does.
    pub fn checked<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
        check: impl Fn(&T) -> bool,
    ) -> Result<T, DecodeError> {
        let tries = match &self.source {
            Source::Bytes(_) => 1,
            #[cfg(any(feature = "std", feature = "campaign"))]
            Source::Random { .. } => MOST_TRIES,
        };
        for _ in 0..tries {
            let value = read(self)?;
            if check(&value) {
                return Ok(value);
            }
        }
        Err(self.bad_value(ValueFault::Refused))
    }

    fn handle(&mut self) -> Result<Handle, DecodeError> {
        let index = self.varint(u64::BITS)?;
        let Some(handle) = usize::try_from(index).ok().and_then(|index| self.handles.get_mut(index)) else {
            return Err(self.bad_handle(HandleFault::Index));
        };
        handle.take().ok_or_else(|| self.bad_handle(HandleFault::Used))
    }

    /// The reverse of `Encoder::block`.
    pub(crate) fn block<T>(&mut self) -> Result<ExBox<T>, DecodeError>
    where
        T: Content<Element: Exchange> + ?Sized,
    {
        #[cfg(any(feature = "std", feature = "campaign"))]
        if let Source::Random { random, spare } = &mut self.source {
            let length = T::LENGTH.unwrap_or_else(|| {
                let most = spare.checked_div(T::Element::HANDLES).unwrap_or(usize::MAX);
                let length = random.length(size_of::<T::Element>()).min(most);
                *spare -= length * T::Element::HANDLES;
                length
            });
            return ExBox::try_build(length, |_| T::Element::decode(self));
        }
        let Handle::Block(block) = self.handle()? else {
            return Err(self.bad_handle(HandleFault::NotABlock));
        };
        let length = match T::LENGTH {
            Some(length) => length,
            None => {
                usize::try_from(self.varint(u64::BITS)?).map_err(|_| self.bad_value(ValueFault::Number))?
            }
        };
        if !<T::Element as Exchange>::ANY_BYTES {
            return self.unpack(block, length);
        }
        if size_of::<T::Element>().checked_mul(length) != Some(block.size()) {
            return Err(self.bad_handle(HandleFault::Size));
        }
        if !block.address().is_multiple_of(align_of::<T::Element>()) {
            return Err(self.bad_handle(HandleFault::Alignment));
        }
        // SAFETY: the block has the size and the alignment, and whatever its bytes are, they are values of the type.
        Ok(unsafe { ExBox::from_block(block, length) })
    }

    /// Elements that lie in a block in wire form.
    fn unpack<T>(&mut self, block: Block, length: usize) -> Result<ExBox<T>, DecodeError>
    where
        T: Content<Element: Exchange> + ?Sized,
    {
        if T::Element::WIRE_BYTES == 0 && size_of::<T::Element>() == 0 {
            return self.unpack_nothing(block, length);
        }
        // An element has at least one byte.
        if length > block.size() {
            return Err(self.bad_handle(HandleFault::Size));
        }
        let mut inner =
            Decoder { source: Source::Bytes(block.bytes()), handles: self.handles, field: self.field };
        let elements = ExBox::try_build(length, |_| T::Element::decode(&mut inner))?;
        match inner.finish_bytes() {
            Ok(()) => Ok(elements),
            Err(_) => Err(self.bad_handle(HandleFault::Size)),
        }
    }

    /// Elements of which there is only one value, without any bytes: if that is one, all are.
    fn unpack_nothing<T>(&mut self, block: Block, length: usize) -> Result<ExBox<T>, DecodeError>
    where
        T: Content<Element: Exchange> + ?Sized,
    {
        if block.size() != 0 {
            return Err(self.bad_handle(HandleFault::Size));
        }
        if length > 0 {
            drop(T::Element::decode(self)?);
        }
        // SAFETY: the elements take no memory, and the one value of their type has just been made.
        Ok(unsafe { ExBox::from_block(block, length) })
    }

    /// The reverse of `Encoder::endpoint`.
    pub fn endpoint<E: SendFirst>(&mut self) -> Result<E, DecodeError> {
        made_up!(self, _random => made_up_endpoint::<E>()?);
        self.any_endpoint()?.downcast().map_err(|_| self.bad_handle(HandleFault::Endpoint))
    }

    /// As [`Decoder::endpoint`], of whatever contract.
    pub(crate) fn any_endpoint(&mut self) -> Result<AnyEndpoint, DecodeError> {
        made_up!(self, _random => {
            use crate::spec::ping::ping_pong::{Client, Idle};
            AnyEndpoint::new(made_up_endpoint::<Client<Idle>>()?)
        });
        match self.handle()? {
            Handle::Endpoint(endpoint) => Ok(endpoint),
            Handle::Block(_) => Err(self.bad_handle(HandleFault::NotAnEndpoint)),
        }
    }
}

/// An endpoint whose peer has closed.
#[cfg(any(feature = "std", feature = "campaign"))]
fn made_up_endpoint<E: SendFirst>() -> Result<E, DecodeError> {
    let (client, server) = crate::binding::create_channel::<E::Contract>()?;
    let raw = match E::SIDE {
        crate::Side::Client => client,
        crate::Side::Server => server,
    };
    raw.set_state(E::STATE);
    // SAFETY: a channel of this contract in which nothing is in flight may be in any of its states, and the other end,
    // which would have to be in the same, is gone.
    Ok(unsafe { E::from_raw(raw) })
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use core::sync::atomic::Ordering::Relaxed;

    use super::*;

    /// Decodes a block of 32 bytes that begins `offset` bytes behind an address for all alignments.
    fn at<T: Exchange>(offset: usize) -> Result<ExBox<[T]>, DecodeError> {
        let entry = ExBox::zeroed(64).expect("memory for a block").into_block().into_entry();
        entry.address.fetch_add(offset, Relaxed);
        entry.size.store(32, Relaxed);
        // SAFETY: the entry was just given up, and the bytes that it now speaks of are in the block's memory.
        let block = unsafe { Block::from_entry(entry) };
        let length = (32 / size_of::<T>()) as u8;
        Decoder::new(&[0, length], &mut [Some(Handle::Block(block))]).block()
    }

    #[test]
    fn a_block_must_be_aligned_for_its_content() {
        let refused = Err(Violation::BadHandle { field: "", fault: HandleFault::Alignment }.into());
        for offset in [1, 2, 4, 8] {
            assert_eq!(at::<u128>(offset).map(drop), refused, "{offset}");
            assert_eq!(at::<u64>(offset).map(drop), if offset == 8 { Ok(()) } else { refused }, "{offset}");
        }
        assert_eq!(at::<u8>(1).expect("bytes need no alignment").len(), 32);
    }
}
