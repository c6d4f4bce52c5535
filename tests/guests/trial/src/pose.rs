//! At the undertaker's desk.

use crate::desk::desk;
use crate::scenes::Stage;
use crate::trouble::Trouble;
use contracts::{AnyEndpoint, TryReceiveError};

#[derive(Debug)]
enum State {
    Posing(desk::Client<desk::Posing>),
    Playing(desk::Client<desk::Playing>),
    Halted(desk::Client<desk::Halted>),
    /// During a call, or after one that failed.
    Nowhere,
}

/// How far a process has come at the desk.
#[derive(Debug)]
pub struct Pose(State);

impl Pose {
    /// Has said that it is there.
    pub fn new(posing: desk::Client<desk::Posing>) -> Self {
        Pose(State::Posing(posing))
    }

    fn leave(&mut self) -> State {
        core::mem::replace(&mut self.0, State::Nowhere)
    }

    /// Says that it has come to where it was to stop.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if the undertaker is gone, or is not at this point.
    pub fn halt(&mut self) -> Result<(), Trouble> {
        let State::Playing(playing) = self.leave() else { return Err(Trouble::Closed) };
        self.0 = State::Halted(playing.halted());
        Ok(())
    }

    /// Waits until it is to go on.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if the undertaker is gone, or is not at this point.
    pub fn wait(&mut self) -> Result<(), Trouble> {
        let State::Halted(halted) = self.leave() else { return Err(Trouble::Closed) };
        let desk::ClientHalted::Resume { next } = halted.receive()?;
        self.0 = State::Playing(next);
        Ok(())
    }

    /// Whether it is to go on.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if the undertaker is gone, or is not at this point.
    pub fn may_go_on(&mut self) -> Result<bool, Trouble> {
        let State::Halted(halted) = self.leave() else { return Err(Trouble::Closed) };
        match halted.try_receive() {
            Ok(desk::ClientHalted::Resume { next }) => {
                self.0 = State::Playing(next);
                Ok(true)
            }
            Err(TryReceiveError::Empty(halted)) => {
                self.0 = State::Halted(halted);
                Ok(false)
            }
            Err(_) => Err(Trouble::Closed),
        }
    }

    /// Reports.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if the undertaker is gone, or is not at this point.
    pub fn done(&mut self, received: u64) -> Result<(), Trouble> {
        if let State::Playing(playing) = self.leave() {
            playing.done(received);
        }
        Ok(())
    }
}

const WRONG_ROLE: Trouble = Trouble::Wrong("the undertaker plays the same side");

impl Stage for Pose {
    fn take(&mut self) -> Result<AnyEndpoint, Trouble> {
        let State::Posing(posing) = self.leave() else { return Err(Trouble::Closed) };
        match posing.receive()? {
            desk::ClientPosing::Take { end, next } => {
                self.0 = State::Playing(next);
                Ok(end)
            }
            desk::ClientPosing::Make { .. } => Err(WRONG_ROLE),
        }
    }

    fn give(&mut self, end: AnyEndpoint) -> Result<(), Trouble> {
        let State::Posing(posing) = self.leave() else { return Err(Trouble::Closed) };
        match posing.receive()? {
            desk::ClientPosing::Make { next } => {
                let desk::ClientWaiting::Go { next } = next.made(end).receive()?;
                self.0 = State::Playing(next);
                Ok(())
            }
            desk::ClientPosing::Take { .. } => Err(WRONG_ROLE),
        }
    }
}
