//! The typed layer: what `derive(Contract)` fills in.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::abi::Channel;
use crate::binding;
use crate::channel::Shape;
use crate::exbox::Exhausted;
use crate::form::Forms;
use crate::generated;
use crate::port::RawEnd;
use crate::reach::Described;
use crate::time::Instant;

/// One of a channel's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Side {
    /// The side that asked for the channel.
    Client = 0,
    /// The side that provides the contract.
    Server = 1,
}

impl Side {
    /// The other side.
    pub const fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// The peer has closed the channel and every message that it sent before has been received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the peer closed the channel")
    }
}

impl core::error::Error for Closed {}

/// Why [`Receive::try_receive`] brought nothing.
#[derive(Debug)]
pub enum TryReceiveError<E> {
    /// No message is there yet; here is the endpoint back.
    Empty(E),
    /// As [`Closed`].
    Closed,
    /// The next message brings more blocks than the SIP's limit allows; it stays where it is until there is room. Here is
    /// the endpoint back.
    OverLimit(E),
}

impl<E> TryReceiveError<E> {
    /// The same error, the endpoint wrapped.
    pub(crate) fn map<F>(self, wrap: impl FnOnce(E) -> F) -> TryReceiveError<F> {
        match self {
            TryReceiveError::Empty(endpoint) => TryReceiveError::Empty(wrap(endpoint)),
            TryReceiveError::Closed => TryReceiveError::Closed,
            TryReceiveError::OverLimit(endpoint) => TryReceiveError::OverLimit(wrap(endpoint)),
        }
    }
}

/// A protocol between a client and a server. Written as an enum with `#[derive(Contract)]`.
///
/// # Safety
///
/// `Client` and `Server` are the endpoints of this contract in its start state, and never more messages than the
/// depths say are in flight: rings are sized by them and not checked. `SHAPE` and `FINGERPRINT` are what they are here, and
/// `serves` knows the contract itself and what it extends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a contract",
    label = "not a contract",
    note = "a contract is an enum with `#[derive(Contract)]`"
)]
pub unsafe trait Contract: Sized + 'static {
    /// The enum's name.
    const NAME: &'static str;
    /// See [`Contract::DESCRIPTION`].
    #[doc(hidden)]
    const DESCRIBED: Described;
    /// States and messages, for tools and for binding.
    const DESCRIPTION: &'static Description = Self::DESCRIBED.get();
    /// What is done to its messages on their way to and from who does not believe, or is not believed.
    #[doc(hidden)]
    const FORMS: Forms;
    /// The greatest number of messages in flight to the server.
    const DEPTH_TO_SERVER: usize;
    /// The greatest number of messages in flight to the client.
    const DEPTH_TO_CLIENT: usize;
    /// All that a channel's memory depends on, and the fingerprint.
    const SHAPE: Shape = Shape::of(Self::DESCRIPTION);
    /// Hash of states, messages and layouts, and of all contracts that can be reached through endpoints in messages. Two
    /// programs that were built apart can talk if theirs are equal.
    const FINGERPRINT: u64 = Self::SHAPE.fingerprint;
    /// The client's endpoint in the start state.
    type Client: Endpoint<Contract = Self>;
    /// The server's endpoint in the start state.
    type Server: Endpoint<Contract = Self>;

    /// A new channel, both ends in the caller's hands.
    fn channel() -> Result<(Self::Client, Self::Server), Exhausted> {
        let (client, server) = binding::create_channel::<Self>()?;
        // SAFETY: the channel is fresh and was made for this contract, so both ends are in its start state.
        Ok(unsafe { (Self::Client::from_raw(client), Self::Server::from_raw(server)) })
    }

    /// Whether a client of the contract with this fingerprint can talk to a server of this one: it is the same, or one
    /// that this one extends.
    fn serves(fingerprint: u64) -> bool {
        fingerprint == Self::FINGERPRINT
    }

    /// Whether the channel is one whose client [`Contract::serves`] can talk to, its slots included.
    #[doc(hidden)]
    fn serves_on(channel: &Channel) -> bool {
        generated::is_channel_of::<Self>(channel)
    }
}

/// One end of a channel in one state of its contract. Implemented by `derive(Contract)` only.
///
/// Holding one proves that the channel is in that state as seen from this side, and that no one else holds it.
///
/// # Safety
///
/// `from_raw`, `into_raw` and `as_raw` do no more than wrap and unwrap; contract, side and state are what the type says.
pub unsafe trait Endpoint: Sized + Send + 'static {
    /// The contract it speaks.
    type Contract: Contract;
    /// The side it is.
    const SIDE: Side;
    /// Its state, an index into [`Description::states`].
    const STATE: u16;
    /// Claims that an untyped end is in this state.
    ///
    /// # Safety
    ///
    /// The end belongs to a channel of this contract, or is a server's and belongs to a channel of one that this contract
    /// extends; it is of this side, and in this state.
    unsafe fn from_raw(raw: RawEnd) -> Self;
    /// Gives up the type.
    fn into_raw(self) -> RawEnd;
    /// The untyped end.
    fn as_raw(&self) -> &RawEnd;
}

/// A message that may come in a state: what one that a domain sent is held against.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Which message of the contract it is.
    pub number: u16,
    /// The state that follows.
    pub next: u16,
    /// Bytes of its body.
    pub(crate) size: u32,
    /// Whether any bytes are a body of this message.
    pub(crate) is_plain: bool,
}

impl Expected {
    /// The message of this number, with body `B`, that leads to the state `next`.
    pub const fn of<B: crate::Exchange>(number: u16, next: u16) -> Self {
        let is_plain = B::ANY_BYTES && B::HANDLES == 0 && !B::CHECKED;
        // A channel has no more bytes than fit.
        Expected { number, next, size: size_of::<B>() as u32, is_plain }
    }

    /// Whether a slot of this ring has room for the body.
    pub(crate) fn fits(&self, ring: &crate::abi::Ring) -> bool {
        self.size <= ring.stride - size_of::<crate::abi::Label>() as u32
    }
}

/// An endpoint in a state in which it receives. Implemented by `derive(Contract)` only.
///
/// # Safety
///
/// In the endpoint's state its peer is the one that sends; `open` takes each message that it may send, with its body, and
/// `check` runs the checks of that body; `HOLDS_HANDLES` is not false if one of them can hold blocks or endpoints;
/// `EXPECTED` is made of their numbers, bodies, and the states that follow.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not receive: in this state it sends",
    label = "not `Receive`",
    note = "send first; what the send returns receives"
)]
pub unsafe trait Receive: Endpoint {
    /// The messages that can come, each with the endpoint in its next state.
    type Received;
    #[doc(hidden)]
    const HOLDS_HANDLES: bool;
    #[doc(hidden)]
    const EXPECTED: &'static [Expected];
    /// Takes a message and makes of it what is received.
    ///
    /// # Errors
    /// [`Closed`] if it is none of those, and the channel was closed for it.
    ///
    /// # Safety
    ///
    /// It is an end of an endpoint of this type, and the message at its ring's head has this number.
    #[doc(hidden)]
    unsafe fn open(raw: RawEnd, message: u16) -> Result<Self::Received, Closed>;
    /// Whether the checks of the types in a message's body take it for a value.
    ///
    /// # Safety
    ///
    /// `body` is the body of the message of this number, if it is one of those that can come, and a value of its type.
    #[doc(hidden)]
    unsafe fn check(message: u16, body: *const u8) -> bool;

    /// Waits for the next message. [`Closed`] if the peer is gone and nothing is left to receive. A message whose blocks
    /// would break the SIP's limit is refused by closing the channel, which is `Closed`, too, also in a set and in `select!`;
    /// whoever would rather make room uses one of the endpoint's other forms.
    #[inline]
    fn receive(self) -> Result<Self::Received, Closed> {
        let mut raw = self.into_raw();
        // SAFETY: the endpoint's type says that this side receives now.
        let message = unsafe { raw.wait_message::<Self::Contract>(Self::SIDE) }?;
        // SAFETY: as above, and a message is there.
        if Self::HOLDS_HANDLES && !unsafe { raw.has_room::<Self::Contract>(Self::SIDE) } {
            return Err(Closed);
        }
        // SAFETY: the message was just found.
        unsafe { Self::open(raw, message) }
    }

    /// As [`Receive::receive`], without waiting.
    #[inline]
    fn try_receive(self) -> Result<Self::Received, TryReceiveError<Self>> {
        let mut raw = self.into_raw();
        // SAFETY: the endpoint's type says that this side receives now.
        let message = match unsafe { raw.poll_message::<Self::Contract>(Self::SIDE) } {
            Ok(Some(message)) => message,
            // SAFETY: it is the same end in the same state.
            Ok(None) => return Err(TryReceiveError::Empty(unsafe { Self::from_raw(raw) })),
            Err(Closed) => return Err(TryReceiveError::Closed),
        };
        // SAFETY: as above, and a message is there.
        if Self::HOLDS_HANDLES && !unsafe { raw.has_room::<Self::Contract>(Self::SIDE) } {
            // SAFETY: it is the same end in the same state.
            return Err(TryReceiveError::OverLimit(unsafe { Self::from_raw(raw) }));
        }
        // SAFETY: the message was just found.
        unsafe { Self::open(raw, message) }.map_err(|Closed| TryReceiveError::Closed)
    }

    /// As [`Receive::receive`], waiting until `deadline` at most; then the endpoint comes back.
    fn receive_by(self, deadline: Instant) -> Result<Self::Received, ReceiveByError<Self>> {
        let mut this = self;
        loop {
            // Looked at before the ring: what comes in time is not missed.
            let late = Instant::now() >= deadline;
            this = match this.try_receive() {
                Ok(received) => return Ok(received),
                Err(TryReceiveError::Closed) => return Err(ReceiveByError::Closed),
                Err(TryReceiveError::OverLimit(endpoint)) => return Err(ReceiveByError::OverLimit(endpoint)),
                Err(TryReceiveError::Empty(endpoint)) if late => {
                    return Err(ReceiveByError::TimedOut(endpoint));
                }
                Err(TryReceiveError::Empty(endpoint)) => endpoint,
            };
            binding::wait_until(this.as_raw().end(), deadline);
        }
    }
}

/// Why [`Receive::receive_by`] brought nothing.
#[derive(Debug)]
pub enum ReceiveByError<E> {
    /// No message came in time; here is the endpoint back.
    TimedOut(E),
    /// As [`Closed`].
    Closed,
    /// As [`TryReceiveError::OverLimit`].
    OverLimit(E),
}

/// An endpoint in a state in which it sends next. Only such an endpoint may cross a channel: while it travels
/// nobody can send to it, so nobody needs to know its owner, and channels cannot come to hold each other.
///
/// # Safety
///
/// In the endpoint's state its own side is the one that sends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross a channel: in this state it receives, and only an endpoint that sends next may travel",
    label = "not `SendFirst`",
    note = "receive first and send the endpoint in the state that follows, or send the other end"
)]
pub unsafe trait SendFirst: Endpoint {
    /// The endpoint, if the peer has not closed: for one who keeps an answer back and would give it to another rather than
    /// to nobody. The peer may close right after.
    ///
    /// # Errors
    /// [`Closed`] if the peer is gone.
    fn if_open(self) -> Result<Self, Closed> {
        let raw = self.into_raw();
        if raw.peer_closed() {
            return Err(Closed);
        }
        // SAFETY: it is the same end in the same state.
        Ok(unsafe { Self::from_raw(raw) })
    }
}

/// A contract as data.
#[derive(Debug)]
pub struct Description {
    /// The enum's name.
    pub name: &'static str,
    /// Hash of states, messages and layouts, in which endpoints count by contract's name, side and state. What binds is
    /// compared by [`Contract::FINGERPRINT`], which covers the contracts of those endpoints too.
    pub own: u64,
    /// Hash of the place in the source: tells the contracts of one program apart, whatever their names.
    pub place: u64,
    /// The start state.
    pub start: u16,
    /// All states, `End` last.
    pub states: &'static [StateDescription],
    /// All messages, in the order of the enum's variants.
    pub messages: &'static [MessageDescription],
    /// The contracts whose endpoints messages can hold, in the order of the messages and, within one, of its layout.
    pub carries: &'static [CarriedContract],
    /// See [`Contract::DEPTH_TO_SERVER`].
    pub depth_to_server: u32,
    /// See [`Contract::DEPTH_TO_CLIENT`].
    pub depth_to_client: u32,
    /// The contract that this one extends.
    pub base: Option<&'static Description>,
}

/// One state of a contract.
#[derive(Debug)]
#[repr(C)]
pub struct StateDescription {
    /// Its name.
    pub name: &'static str,
    /// The side that sends in it; none in `End`.
    pub speaker: Option<Side>,
}

/// A contract whose endpoints a message can hold.
#[derive(Clone, Copy)]
pub struct CarriedContract {
    /// The message, an index into [`Description::messages`].
    pub message: u16,
    /// The contract, which may be the one that has the message.
    pub contract: &'static Description,
}

impl fmt::Debug for CarriedContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By name: a contract may reach itself.
        write!(f, "{} in message {}", self.contract.name, self.message)
    }
}

/// One message of a contract.
#[derive(Debug)]
pub struct MessageDescription {
    /// The variant's name.
    pub name: &'static str,
    /// Hash of name, sender, steps and fields with their layout, in which endpoints count as in [`Description::own`].
    pub fingerprint: u64,
    /// The side that sends it.
    pub sender: Side,
    /// From which state to which.
    pub steps: &'static [(u16, u16)],
    /// Bytes of the body in a slot.
    pub body_size: u32,
    /// Alignment of the body; at most [`crate::abi::SLOT_ALIGN`].
    pub body_align: u32,
    /// For a stream, how many messages may be in flight its way; 0 for any other message.
    pub window: u32,
}
