//! Which messages a contract allows, from its description.

use core::fmt;
use core::marker::PhantomData;

use super::{DecodeError, Message, Packet, Violation, decode};
use crate::endpoint::{Description, Side, StateDescription};

/// The state that follows when `from` sends message `number` in `state`.
pub(super) fn follow(contract: &Description, from: Side, state: u16, number: u32) -> Result<u16, Violation> {
    let message = contract.messages.get(number as usize).ok_or(Violation::UnknownMessage { number })?;
    let step = message.steps.iter().find(|(source, _)| *source == state);
    match step {
        Some((_, next)) if message.sender == from => Ok(*next),
        _ => Err(Violation::NotInThisState {
            message: message.name,
            state: contract.states.get(usize::from(state)).map_or("?", |state| state.name),
        }),
    }
}

/// Follows a session of contract `C`, message by message, and accepts exactly those that its state allows.
///
/// Holding one proves that every message it accepted was allowed when it came.
pub struct Monitor<C> {
    state: u16,
    contract: PhantomData<fn() -> C>,
}

/// The contract does not let this side send this message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The message's name.
    pub message: &'static str,
    /// The state's name.
    pub state: &'static str,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forbidden { message, state } = *self;
        Violation::NotInThisState { message, state }.fmt(f)
    }
}

impl core::error::Error for Forbidden {}

impl<C: Message> Monitor<C> {
    /// At the start of a session.
    pub fn new() -> Self {
        Monitor { state: C::DESCRIPTION.start, contract: PhantomData }
    }

    /// In a state, if the contract has it.
    pub fn at(state: u16) -> Option<Self> {
        (usize::from(state) < C::DESCRIPTION.states.len()).then_some(Monitor { state, contract: PhantomData })
    }

    /// The state's index in [`Description::states`].
    pub fn state(&self) -> u16 {
        self.state
    }

    /// The state.
    pub fn description(&self) -> &'static StateDescription {
        &C::DESCRIPTION.states[usize::from(self.state)]
    }

    /// Who sends next; nobody in `End`.
    pub fn speaker(&self) -> Option<Side> {
        self.description().speaker
    }

    /// The messages that can come next, by number, each with the state that follows.
    pub fn allowed(&self) -> impl Iterator<Item = (u16, u16)> {
        let state = self.state;
        let steps = |message: usize| C::DESCRIPTION.messages[message].steps.iter();
        (0..C::DESCRIPTION.messages.len()).flat_map(move |message| {
            steps(message).filter(move |(from, _)| *from == state).map(move |(_, to)| (message as u16, *to))
        })
    }

    /// The state that follows if `from` sends a message now.
    ///
    /// # Errors
    /// [`Forbidden`] if the contract does not allow it.
    pub fn next(&self, from: Side, message: &C) -> Result<u16, Forbidden> {
        follow(C::DESCRIPTION, from, self.state, message.number().into()).map_err(|_| Forbidden {
            message: C::DESCRIPTION.messages[usize::from(message.number())].name,
            state: self.description().name,
        })
    }

    /// Notes that `from` sends a message, and the state that follows. A refused one changes nothing.
    ///
    /// # Errors
    /// [`Forbidden`] if the contract does not allow it.
    pub fn step(&mut self, from: Side, message: &C) -> Result<u16, Forbidden> {
        self.state = self.next(from, message)?;
        Ok(self.state)
    }

    /// Notes a state that [`Monitor::next`] said follows.
    pub(super) fn go(&mut self, next: u16) {
        self.state = next;
    }

    /// Decodes what `from` sent and notes it. After an error the state is as it was; whoever carries the channel closes
    /// it.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn accept(&mut self, from: Side, packet: Packet) -> Result<C, DecodeError> {
        let (message, next) = decode(from, self.state, packet)?;
        self.state = next;
        Ok(message)
    }
}

impl<C: Message> Default for Monitor<C> {
    fn default() -> Self {
        Monitor::new()
    }
}

impl<C: Message> fmt::Debug for Monitor<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Monitor({} in {})", C::NAME, self.description().name)
    }
}
