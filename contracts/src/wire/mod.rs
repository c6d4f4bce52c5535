//! Messages as bytes: the form in which they cross the gate of a domain, or a network.
//!
//! The contract's enum is the wire form. A message is its number, the variant's position, and then its fields, all as
//! postcard writes an enum (<https://postcard.jamesmunns.com/wire-format>), each in its one shortest form. A block or an
//! endpoint is an index into the list of [`Handle`]s that travels beside the bytes; every handle is used exactly once.
//!
//! **The bytes are the sender's word and are not believed; the handles are not the sender's word.** They are made by who
//! carries the message, the kernel or a network binding, which knows for each block that the sender has given it up and for
//! each endpoint in which state it is.
//!
//! A block's content stays where it is if whatever bytes are a value of its type ([`Exchange::ANY_BYTES`]): integers,
//! floats, and structs of those without padding. It crosses without a copy and needs no check. Other content (`bool`,
//! enums, texts, blocks of blocks) is packed: the elements, one after another in wire form, in a block of bytes. The
//! receiver checks them one by one, and the copy is counted.
//!
//! [`Monitor`] knows the state and accepts what the contract allows; [`Dynamic`] is an endpoint of a real channel whose
//! state is known at run time, by a monitor. What a receiver cannot accept is a [`Violation`], never a panic.

mod decoder;
mod dynamic;
mod encoder;
mod handle;
mod monitor;
mod violation;

use alloc::vec::Vec;

pub use decoder::Decoder;
pub use dynamic::{Dynamic, ReceiveError, Unsent};
pub use encoder::Encoder;
pub(crate) use encoder::varint_bytes;
pub use handle::{Block, Handle};
pub use monitor::{Forbidden, Monitor};
pub use violation::{DecodeError, EncodeError, HandleFault, ValueFault, Violation};

use crate::endpoint::{Contract, Side};
use crate::exbox::Exhausted;
use crate::exchange::{Exchange, MOST_HANDLES};

/// A message in wire form.
#[derive(Debug, Default)]
pub struct Packet {
    /// Number and fields, as postcard.
    pub bytes: Vec<u8>,
    /// Blocks and endpoints, in the order in which the bytes refer to them.
    pub handles: Vec<Handle>,
}

impl Packet {
    /// Whether two packets mean the same.
    pub fn is_like(&self, other: &Packet) -> bool {
        self.bytes == other.bytes
            && self.handles.len() == other.handles.len()
            && self.handles.iter().zip(&other.handles).all(|(one, other)| one.is_like(other))
    }
}

/// A contract's enum as what it says it is: a message, as a value. Implemented by `derive(Contract)` only.
///
/// # Safety
///
/// Numbers are those of [`Contract::DESCRIPTION`], and each message has one body, which both functions use.
pub unsafe trait Message: Contract {
    /// Bytes of the longest message to the client and to the server.
    const WIRE_BYTES: [usize; 2];
    /// The message's index in [`Description::messages`](crate::Description::messages).
    fn number(&self) -> u16;
    /// Hands the message's body to `user`.
    #[doc(hidden)]
    fn into_body<U: UseBody>(self, user: U) -> U::Output;
    /// Message `number` with the body that `maker` makes.
    #[doc(hidden)]
    fn from_body<M: MakeBody>(number: u16, maker: M) -> Result<Self, M::Error>;
}

/// What can be done with a message's body, whatever its type.
#[doc(hidden)]
pub trait UseBody {
    /// What comes of it.
    type Output;
    /// Does it.
    fn body<B: Exchange>(self, body: B) -> Self::Output;
}

/// Where a message's body comes from, whatever its type.
#[doc(hidden)]
pub trait MakeBody {
    /// Why none comes.
    type Error;
    /// The body.
    fn body<B: Exchange>(self) -> Result<B, Self::Error>;
    /// That the contract has no message of this number.
    fn unknown(self, number: u16) -> Self::Error;
}

impl UseBody for &mut Encoder {
    type Output = Result<(), Exhausted>;
    fn body<B: Exchange>(self, body: B) -> Result<(), Exhausted> {
        body.encode(self)
    }
}

impl MakeBody for &mut Decoder<'_> {
    type Error = DecodeError;
    fn body<B: Exchange>(self) -> Result<B, DecodeError> {
        Decoder::body(self)
    }
    fn unknown(self, number: u16) -> DecodeError {
        Violation::UnknownMessage { number: number.into() }.into()
    }
}

/// A message in wire form.
///
/// # Errors
/// [`EncodeError`]; the message is lost.
pub fn encode<C: Message>(message: C) -> Result<Packet, EncodeError> {
    let mut encoder = Encoder::default();
    encode_into(message, &mut encoder)?;
    Ok(encoder.finish().0)
}

/// As [`encode`].
pub(crate) fn encode_into<C: Message>(message: C, encoder: &mut Encoder) -> Result<(), EncodeError> {
    encoder.message(message.number());
    message.into_body(&mut *encoder)?;
    match encoder.handles() {
        count if count > MOST_HANDLES => Err(EncodeError::TooManyHandles { count }),
        _ => Ok(()),
    }
}

/// The message that a packet is, if `from` sends it in state `state`, and the state that follows.
///
/// # Errors
/// [`Violation`] if it is none, or not one that the contract allows there. What the packet carried is freed and closed.
pub fn decode<C: Message>(from: Side, state: u16, packet: Packet) -> Result<(C, u16), DecodeError> {
    let limit = C::WIRE_BYTES[from.peer() as usize];
    if packet.bytes.len() > limit {
        return Err(Violation::TooLong { bytes: packet.bytes.len(), limit }.into());
    }
    if packet.handles.len() > MOST_HANDLES {
        return Err(Violation::TooManyHandles { count: packet.handles.len() }.into());
    }
    let mut handles: Vec<Option<Handle>> = packet.handles.into_iter().map(Some).collect();
    let mut decoder = Decoder::new(&packet.bytes, &mut handles);
    let number = decoder.message()?;
    let next = monitor::follow(C::DESCRIPTION, from, state, number)?;
    let message = C::from_body(number as u16, &mut decoder)?;
    decoder.finish()?;
    Ok((message, next))
}
