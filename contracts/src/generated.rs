//! What the code that `derive(Contract)` and `derive(Exchange)` write leans on. Nothing here is for people to call.

mod limits;

/// `core`, for code that cannot rely on that name.
pub use ::core as core_library;

use core::fmt;

pub use limits::{Destructible, Destructor, Probe, check_align, check_destructor, check_handles, check_size};

use crate::abi::Channel;
pub use crate::endpoint::Expected;
use crate::endpoint::{CarriedContract, Contract, MessageDescription, Side, StateDescription};
use crate::exbox::Exhausted;
use crate::exchange::{Exchange, Transfer};
use crate::fingerprint::{SEED, mix, text};
pub use crate::form::code::{bytes as forms, length as forms_length};
pub use crate::form::{Form, Forms, Shaped, Tag};
pub use crate::reach::Described;
use crate::reach::List;
use crate::wire::{DecodeError, Decoder, Encoder, varint_bytes};

/// Bears the names of fields in generated modules, where they are not to mean a constant of the user's.
pub fn no_pattern() {}

/// A state of a contract as a type.
pub trait State: 'static {
    /// Its name.
    const NAME: &'static str;
    /// Its index in [`Description::states`](crate::Description::states).
    const NUMBER: u16;
}

/// A state in which the client sends.
///
/// # Safety
///
/// In this state the client sends, and the server does not.
#[diagnostic::on_unimplemented(
    message = "a client in state `{Self}` cannot cross a channel: it receives next, and only an endpoint that sends next may travel",
    label = "in this state the server sends",
    note = "receive first and send the endpoint in the state that follows, or send the server's end"
)]
pub unsafe trait ClientSends: State {}

/// A state in which the server sends.
///
/// # Safety
///
/// In this state the server sends, and the client does not.
#[diagnostic::on_unimplemented(
    message = "a server in state `{Self}` cannot cross a channel: it receives next, and only an endpoint that sends next may travel",
    label = "in this state the client sends",
    note = "receive first and send the endpoint in the state that follows, or send the client's end"
)]
pub unsafe trait ServerSends: State {}

/// What comes of writing a value in wire form.
pub type Encoded = Result<(), Exhausted>;
/// What comes of reading a value in wire form.
pub type Decoded<T> = Result<T, DecodeError>;

/// What a field of type `T` adds to a fingerprint, and what it can hold.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    fingerprint: u64,
    shaped: Shaped,
    offset: usize,
    handles: usize,
    any_bytes: bool,
    wire_bytes: usize,
    checked: bool,
}

impl Field {
    /// What it is.
    pub(crate) const fn shaped(&self) -> &Shaped {
        &self.shaped
    }

    /// Bytes from the start of the struct that it is part of. Of a variant's fields nobody asks.
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }
}

/// An enum's variant: its name, its number and its fields.
pub type Variant = (&'static str, u64, &'static [Field]);

/// What there is to know about a part of type `T` of a message or of a type that crosses.
#[derive(Clone, Copy, Debug)]
pub struct Part<T> {
    fingerprint: u64,
    shaped: Shaped,
    handles: usize,
    any_bytes: bool,
    wire_bytes: usize,
    checked: bool,
    hand_over: fn(&T, &mut Transfer),
    check: fn(&T) -> bool,
    encode: fn(T, &mut Encoder) -> Result<(), Exhausted>,
    decode: fn(&mut Decoder<'_>) -> Result<T, DecodeError>,
}

/// The part of type `T`. All that is asked of a part's type is asked here, so that rustc reports a type that cannot
/// cross once.
pub const fn part<T: Exchange>() -> Part<T> {
    Part {
        fingerprint: T::FINGERPRINT,
        shaped: Shaped::of::<T>(),
        handles: T::HANDLES,
        any_bytes: T::ANY_BYTES,
        wire_bytes: T::WIRE_BYTES,
        checked: T::CHECKED,
        hand_over: T::hand_over,
        check: T::check,
        encode: T::encode,
        decode: T::decode,
    }
}

impl<T> Part<T> {
    /// The part as the field `name`, `offset` bytes from the start of what it is part of.
    pub const fn field(self, name: &str, offset: usize) -> Field {
        let mut hash = mix(text(SEED, name), self.fingerprint);
        hash = mix(mix(hash, size_of::<T>() as u64), align_of::<T>() as u64);
        Field {
            fingerprint: mix(hash, offset as u64),
            shaped: self.shaped,
            offset,
            handles: self.handles,
            any_bytes: self.any_bytes,
            wire_bytes: self.wire_bytes,
            checked: self.checked,
        }
    }

    /// Hands over what the part holds.
    #[inline(always)]
    pub fn hand_over(self, value: &T, transfer: &mut Transfer) {
        if self.handles > 0 {
            (self.hand_over)(value, transfer);
        }
    }

    /// Whether the checks of the part's type, and of the types of its parts, take it for a value.
    #[inline(always)]
    pub fn check(self, value: &T) -> bool {
        !self.checked || (self.check)(value)
    }

    /// Writes the part, called `name`, in wire form.
    pub fn encode(self, name: &str, value: T, encoder: &mut Encoder) -> Result<(), Exhausted> {
        encoder.field(name);
        (self.encode)(value, encoder)?;
        encoder.comma();
        Ok(())
    }

    /// Reads the part, called `name`, in wire form.
    pub fn decode(self, name: &'static str, decoder: &mut Decoder<'_>) -> Result<T, DecodeError> {
        decoder.named(name, self.decode)
    }
}

/// How many blocks and endpoints these fields can hold.
pub const fn handles(fields: &[Field]) -> usize {
    let mut handles = 0_usize;
    let mut i = 0;
    while i < fields.len() {
        handles = handles.saturating_add(fields[i].handles);
        i += 1;
    }
    handles
}

/// As [`handles`], of an enum: each variant's fields.
pub const fn variants_handles(variants: &[Variant]) -> usize {
    let mut most = 0;
    let mut i = 0;
    while i < variants.len() {
        let handles = handles(variants[i].2);
        if handles > most {
            most = handles;
        }
        i += 1;
    }
    most
}

/// Whether any bytes are a value of a struct `T` of these fields, and none is padding.
pub const fn any_bytes<T>(fields: &[Field]) -> bool {
    let mut size = 0;
    let mut i = 0;
    while i < fields.len() {
        if !fields[i].any_bytes {
            return false;
        }
        size += fields[i].shaped.size();
        i += 1;
    }
    size == size_of::<T>()
}

/// Whether one of these fields has a type with a check of its own in it.
pub const fn any_checked(fields: &[Field]) -> bool {
    let mut i = 0;
    while i < fields.len() {
        if fields[i].checked {
            return true;
        }
        i += 1;
    }
    false
}

/// As [`any_checked`], of an enum: each variant's fields.
pub const fn variants_checked(variants: &[Variant]) -> bool {
    let mut i = 0;
    while i < variants.len() {
        if any_checked(variants[i].2) {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether a type's own check takes this for a value.
pub fn holds<T>(value: &T, check: impl FnOnce(&T) -> bool) -> bool {
    check(value)
}

/// Whether all checks of types that lie in a message's body take it for a value.
///
/// # Safety
///
/// A value of the type lies there.
pub unsafe fn check<B: Exchange>(body: *const u8) -> bool {
    // SAFETY: passed on to the caller.
    !B::CHECKED || unsafe { &*body.cast::<B>() }.check()
}

/// Bytes of the longest row of these fields in wire form.
pub const fn wire_bytes(fields: &[Field]) -> usize {
    let mut bytes = 0_usize;
    let mut i = 0;
    while i < fields.len() {
        bytes = bytes.saturating_add(fields[i].wire_bytes);
        i += 1;
    }
    bytes
}

/// As [`wire_bytes`], of an enum: each variant's fields.
pub const fn variants_wire_bytes(variants: &[Variant]) -> usize {
    let mut longest = 0;
    let mut i = 0;
    while i < variants.len() {
        let bytes = wire_bytes(variants[i].2);
        if bytes > longest {
            longest = bytes;
        }
        i += 1;
    }
    varint_bytes(u32::BITS).saturating_add(longest)
}

/// Bytes of the longest message to each side in wire form, from each one's sender and the bytes of its fields.
pub const fn messages_wire_bytes(messages: &[(Side, usize)]) -> [usize; 2] {
    let mut longest = [0; 2];
    let mut i = 0;
    while i < messages.len() {
        let (sender, fields) = messages[i];
        let bytes = varint_bytes(u16::BITS).saturating_add(fields);
        let to = sender.peer() as usize;
        if bytes > longest[to] {
            longest[to] = bytes;
        }
        i += 1;
    }
    longest
}

/// Adds a row of fields to a hash.
pub const fn fields(mut hash: u64, fields: &[Field]) -> u64 {
    let mut i = 0;
    while i < fields.len() {
        hash = mix(hash, fields[i].fingerprint);
        i += 1;
    }
    mix(hash, fields.len() as u64)
}

/// Fingerprint of a type with a name and a layout.
pub const fn layout<T>(name: &str, parts: &[Field]) -> u64 {
    let hash = mix(mix(text(SEED, name), size_of::<T>() as u64), align_of::<T>() as u64);
    fields(hash, parts)
}

/// Fingerprint of a type whose values are checked, from that without.
pub const fn checked(fingerprint: u64) -> u64 {
    text(fingerprint, "checked")
}

/// Fingerprint of an enum: its representation, and each variant's name, number and fields.
pub const fn variants<T>(name: &str, repr: &str, variants: &[Variant]) -> u64 {
    let mut hash = text(layout::<T>(name, &[]), repr);
    let mut i = 0;
    while i < variants.len() {
        let (name, number, parts) = variants[i];
        hash = fields(mix(text(hash, name), number), parts);
        i += 1;
    }
    mix(hash, variants.len() as u64)
}

/// Fingerprint of an endpoint as part of a message. It goes by names, since a contract may refer to itself.
pub const fn endpoint(contract: &str, side: Side, state: &str) -> u64 {
    text(mix(text(text(SEED, "endpoint"), contract), side as u64), state)
}

/// Describes a message with body `B`. `states` are those of its contract.
pub const fn message<B: Exchange>(
    name: &'static str,
    sender: Side,
    steps: &'static [(u16, u16)],
    window: u32,
    states: &[StateDescription],
) -> MessageDescription {
    let mut hash = mix(mix(text(SEED, name), sender as u64), B::FINGERPRINT);
    if window > 0 {
        hash = mix(text(hash, "window"), window as u64);
    }
    let mut i = 0;
    while i < steps.len() {
        hash = text(hash, states[steps[i].0 as usize].name);
        hash = text(hash, states[steps[i].1 as usize].name);
        i += 1;
    }
    MessageDescription {
        name,
        fingerprint: mix(hash, steps.len() as u64),
        sender,
        steps,
        // Too large for a channel, also when it does not fit.
        body_size: if size_of::<B>() > u32::MAX as usize { u32::MAX } else { size_of::<B>() as u32 },
        body_align: align_of::<B>() as u32,
        window,
    }
}

/// Whether a contract extends another. An endpoint of a server of one that does may belong to a channel of its base.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// It stands alone.
    New,
    /// It extends another.
    Extension,
}

/// Fingerprint of a contract without those that its messages carry.
pub const fn contract(
    name: &str,
    states: &[StateDescription],
    messages: &[MessageDescription],
    depths: [usize; 2],
    origin: Origin,
) -> u64 {
    let mut hash = mix(mix(text(SEED, name), depths[0] as u64), depths[1] as u64);
    if let Origin::Extension = origin {
        hash = text(hash, "extension");
    }
    let mut i = 0;
    while i < states.len() {
        let speaker = match states[i].speaker {
            Some(side) => side as u64,
            None => 2,
        };
        hash = mix(text(hash, states[i].name), speaker);
        i += 1;
    }
    i = 0;
    while i < messages.len() {
        hash = mix(hash, messages[i].fingerprint);
        i += 1;
    }
    hash
}

/// Hash of a contract's place in the source.
pub const fn place(module: &str, file: &str, line: u32, column: u32, name: &str) -> u64 {
    let hash = text(text(text(SEED, module), file), name);
    mix(mix(hash, line as u64), column as u64)
}

/// How many endpoints messages can carry.
pub const fn count_carried(messages: &[Form]) -> usize {
    List::<0>::of(messages).length
}

/// The contracts of these endpoints; `N` is [`count_carried`].
pub const fn carried<const N: usize>(messages: &[Form]) -> [CarriedContract; N] {
    List::of(messages).entries
}

/// Whether a channel is one of the contract, its slots included.
pub fn is_channel_of<C: Contract>(channel: &Channel) -> bool {
    channel.fingerprint == C::FINGERPRINT && channel.lies_as(&C::SHAPE)
}

/// Shows an endpoint: contract, side and state.
pub fn debug(f: &mut fmt::Formatter<'_>, contract: &str, side: Side, state: &str) -> fmt::Result {
    write!(f, "{contract}::{side:?}<{state}>")
}
