//! An endpoint whose state is known at run time only.

use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

use super::{Forbidden, MakeBody, Message, Monitor, UseBody};
use crate::binding;
use crate::endpoint::{Closed, Contract, Endpoint, Side};
use crate::exchange::Exchange;
use crate::port::RawEnd;
use crate::time::Instant;

/// One end of a channel of contract `C`, its messages values of the enum. What the type of an [`Endpoint`] promises, a
/// [`Monitor`] checks at each step: for who carries messages that others speak, and for tests.
pub struct Dynamic<C> {
    /// The end, until the session is over.
    raw: Option<RawEnd>,
    side: Side,
    monitor: Monitor<C>,
    last: Last,
}

/// What becomes of the end after the last message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// It is closed, as a typed endpoint would be.
    Closes,
    /// It stays until it is dropped, for one who wants to know whether the peer closes.
    #[cfg_attr(not(feature = "std"), expect(dead_code, reason = "for the test kit"))]
    Lingers,
}

/// Why a message was not sent. Here it is back.
pub enum Unsent<C> {
    /// The contract does not let this side send it now.
    Forbidden(C, Forbidden),
    /// It belongs to a stream whose window is full.
    Full(C),
    /// As [`Unsent::Full`], and the peer is gone.
    Closed(C),
}

/// Why nothing was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveError {
    /// As [`Closed`].
    Closed,
    /// Nothing came in time.
    TimedOut,
    /// The message's blocks would break the limit of the SIP; it stays where it is.
    OverLimit,
    /// This side sends next, or the session is over.
    NotNow {
        /// The state's name.
        state: &'static str,
    },
}

impl<C: Message> Dynamic<C> {
    /// Forgets the state in the endpoint's type.
    pub fn new<E: Endpoint<Contract = C>>(endpoint: E) -> Self {
        let monitor = Monitor::at(E::STATE).expect("an endpoint is in a state of its contract");
        Dynamic { raw: Some(endpoint.into_raw()), side: E::SIDE, monitor, last: Last::Closes }
    }

    /// As [`Dynamic::new`], to be closed when it is dropped and not before.
    #[cfg(feature = "std")]
    pub(crate) fn lingering<E: Endpoint<Contract = C>>(endpoint: E) -> Self {
        Dynamic { last: Last::Lingers, ..Dynamic::new(endpoint) }
    }

    /// Whether the peer has closed its end, or the session is over.
    #[cfg(feature = "campaign")]
    pub fn peer_closed(&self) -> bool {
        self.raw.as_ref().is_none_or(RawEnd::peer_closed)
    }

    /// Waits until the peer has closed its end, in a state in which it does not speak. False if it has not by `deadline`.
    #[cfg(feature = "std")]
    pub(crate) fn wait_closed(&self, deadline: Instant) -> bool {
        let Some(raw) = &self.raw else { return true };
        while !raw.peer_closed() {
            if Instant::now() >= deadline {
                return false;
            }
            binding::wait_until(raw.end(), deadline);
        }
        true
    }

    /// The typed endpoint, if it is of this side and state; else itself.
    ///
    /// # Errors
    /// Itself.
    pub fn into_typed<E: Endpoint<Contract = C>>(mut self) -> Result<E, Self> {
        if (E::SIDE, E::STATE) != (self.side, self.monitor.state()) {
            return Err(self);
        }
        match self.raw.take() {
            // SAFETY: contract, side and state were compared; the monitor has followed every step.
            Some(raw) => Ok(unsafe { E::from_raw(raw) }),
            None => Err(self),
        }
    }

    /// The state.
    pub fn monitor(&self) -> &Monitor<C> {
        &self.monitor
    }

    /// The side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Sends a message. It never blocks, but for a stream's message whose window is full.
    ///
    /// # Errors
    /// [`Unsent`], never `Full`.
    pub fn send(&mut self, message: C) -> Result<(), Unsent<C>> {
        let side = self.side;
        // SAFETY: the end is of this side, and the monitor lets it send.
        self.send_if(message, |raw, window| unsafe {
            raw.has_window(side, window) || raw.wait_room(side, window)
        })
    }

    /// As [`Dynamic::send`], never blocking.
    ///
    /// # Errors
    /// [`Unsent`].
    pub fn try_send(&mut self, message: C) -> Result<(), Unsent<C>> {
        let side = self.side;
        // SAFETY: the end is of this side, and the monitor lets it send.
        self.send_if(message, |raw, window| unsafe { raw.has_window(side, window) })
    }

    /// Sends a message if it is allowed and `room` finds room in its window.
    fn send_if(&mut self, message: C, room: impl FnOnce(&RawEnd, u32) -> bool) -> Result<(), Unsent<C>> {
        let number = message.number();
        let next = match self.monitor.next(self.side, &message) {
            Ok(next) => next,
            Err(forbidden) => return Err(Unsent::Forbidden(message, forbidden)),
        };
        if let Some(raw) = &mut self.raw {
            let window = C::DESCRIPTION.messages[usize::from(number)].window;
            if window > 0 && !room(raw, window) {
                let closed = raw.peer_closed();
                return Err(if closed { Unsent::Closed(message) } else { Unsent::Full(message) });
            }
            message.into_body(Put::<C> { raw, side: self.side, number, next, contract: PhantomData });
        }
        self.monitor.go(next);
        self.close_at_end();
        Ok(())
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`ReceiveError`], never `TimedOut`.
    pub fn receive(&mut self) -> Result<C, ReceiveError> {
        self.receive_by_or_never(None)
    }

    /// As [`Dynamic::receive`], waiting until `deadline` at most.
    ///
    /// # Errors
    /// [`ReceiveError`].
    pub fn receive_by(&mut self, deadline: Instant) -> Result<C, ReceiveError> {
        self.receive_by_or_never(Some(deadline))
    }

    fn receive_by_or_never(&mut self, deadline: Option<Instant>) -> Result<C, ReceiveError> {
        let not_now = ReceiveError::NotNow { state: self.monitor.description().name };
        if self.monitor.speaker() != Some(self.side.peer()) {
            return Err(not_now);
        }
        let raw = self.raw.as_mut().ok_or(not_now)?;
        let number = match deadline {
            // SAFETY: the end is of this side of a channel of `C`, and receives in its state.
            None => unsafe { raw.wait_message::<C>(self.side) }.map_err(|Closed| ReceiveError::Closed)?,
            Some(deadline) => loop {
                // Looked at before the ring: what comes in time is not missed.
                let late = Instant::now() >= deadline;
                // SAFETY: as above.
                match unsafe { raw.poll_message::<C>(self.side) } {
                    Ok(Some(number)) => break number,
                    Ok(None) if late => return Err(ReceiveError::TimedOut),
                    Ok(None) => binding::wait_until(raw.end(), deadline),
                    Err(Closed) => return Err(ReceiveError::Closed),
                }
            },
        };
        // SAFETY: the end is of this side of a channel of `C`, and the message was just found.
        if !unsafe { raw.has_room::<C>(self.side) } {
            return Err(ReceiveError::OverLimit);
        }
        let message = Self::take(raw, self.side, number);
        if self.monitor.step(self.side.peer(), &message).is_err() {
            // Between vouched SIPs it cannot happen.
            raw.unknown_message(message.number());
        }
        self.close_at_end();
        Ok(message)
    }

    /// The message at the head, found to be this number.
    fn take(raw: &mut RawEnd, side: Side, number: u16) -> C {
        // Between vouched SIPs this is the contract's message.
        match C::from_body(number, Take::<C> { raw, side, contract: PhantomData }) {
            Ok(message) => message,
            Err(never) => match never {},
        }
    }

    /// After the last message an endpoint is gone.
    fn close_at_end(&mut self) {
        if self.monitor.speaker().is_none() && self.last == Last::Closes {
            self.raw = None;
        }
    }
}

impl<C: Message> fmt::Debug for Dynamic<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::generated::debug(f, C::NAME, self.side, self.monitor.description().name)
    }
}

impl<C> fmt::Debug for Unsent<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsent::Forbidden(_, forbidden) => fmt::Debug::fmt(forbidden, f),
            Unsent::Full(_) => f.write_str("Full"),
            Unsent::Closed(_) => f.write_str("Closed"),
        }
    }
}

impl<C> fmt::Display for Unsent<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsent::Forbidden(_, forbidden) => fmt::Display::fmt(forbidden, f),
            Unsent::Full(_) => f.write_str("the stream's window is full"),
            Unsent::Closed(_) => fmt::Display::fmt(&Closed, f),
        }
    }
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReceiveError::Closed => fmt::Display::fmt(&Closed, f),
            ReceiveError::TimedOut => f.write_str("nothing came in time"),
            ReceiveError::OverLimit => f.write_str("the message's blocks would break the limit"),
            ReceiveError::NotNow { state } => write!(f, "this side does not receive in state `{state}`"),
        }
    }
}

impl<C> core::error::Error for Unsent<C> {}
impl core::error::Error for ReceiveError {}

/// Sends a body.
struct Put<'a, C> {
    raw: &'a mut RawEnd,
    side: Side,
    number: u16,
    next: u16,
    contract: PhantomData<C>,
}

/// Takes a body.
struct Take<'a, C> {
    raw: &'a mut RawEnd,
    side: Side,
    contract: PhantomData<C>,
}

impl<C: Contract> UseBody for Put<'_, C> {
    type Output = ();
    fn body<B: Exchange>(self, body: B) {
        // SAFETY: made by `Dynamic::send_if` alone, which has asked the monitor, for the body of that message,
        // and looked for room in its window.
        unsafe { self.raw.send::<C, B>(self.side, self.number, self.next, body) }
    }
}

impl<C: Contract> MakeBody for Take<'_, C> {
    type Error = Infallible;
    fn body<B: Exchange>(self) -> Result<B, Infallible> {
        // SAFETY: made by `Dynamic::take` alone, which has found the message of this body at the head.
        Ok(unsafe { self.raw.take::<C, B>(self.side) })
    }
    fn unknown(self, number: u16) -> Infallible {
        self.raw.unknown_message(number)
    }
}
