//! What the supervisor asks of the kernel.

use alloc::boxed::Box;
use core::fmt;

use contracts::manifest::Wiring;
use contracts::spec::system::ending::{Running, Server};
use contracts::spec::system::system::{Client, ClientKilling, ClientReadingWiring, ClientStarting, Ready};
use contracts::spec::system::{Ending, Outcome, System};
use contracts::{Closed, Contract, Exhausted, Name, Text};
use rt::reconnect::{Reconnecting, Unavailable};

/// The kernel does not say how the system is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWiring;

impl fmt::Display for NoWiring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no wiring, or it cannot be decoded")
    }
}

/// Why a process was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// The kernel's words.
    Refused(Box<Text<300>>),
    /// There is no memory for the channel on which its end would be told.
    NoChannel,
    /// The kernel has closed the channel: it has no memory for the answer.
    NoAnswer,
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStarted::Refused(reason) => reason.fmt(f),
            NotStarted::NoChannel => f.write_str("no memory for a channel"),
            NotStarted::NoAnswer => f.write_str("the kernel does not answer"),
        }
    }
}

/// The kernel's process control.
pub struct Kernel(Reconnecting<System>);

impl Kernel {
    /// Takes charge of the channel.
    pub fn new(system: Reconnecting<System>) -> Self {
        Kernel(system)
    }

    fn take(&mut self) -> Result<Client<Ready>, NotStarted> {
        self.0.take().map_err(|Unavailable { .. }| NotStarted::NoAnswer)
    }

    /// How the system is put together.
    ///
    /// # Errors
    /// [`NoWiring`] if the kernel does not say so that it is understood.
    pub fn wiring(&mut self) -> Result<Wiring, NoWiring> {
        let answer = self.0.request(|client| {
            let ClientReadingWiring::WiringBytes { bytes, next } = client.wiring().receive()?;
            Ok((next, bytes))
        });
        postcard::from_bytes(&answer.map_err(|_| NoWiring)?).map_err(|_| NoWiring)
    }

    /// Starts the image `sips/NAME`: the SIP's number, and where its end will be told.
    ///
    /// # Errors
    /// Why it was not started.
    pub fn start(&mut self, name: Name, argument: Text<200>) -> Result<(u32, Server<Running>), NotStarted> {
        let (told, end) = Ending::channel().map_err(|Exhausted| NotStarted::NoChannel)?;
        match self.take()?.start_boot(name, argument, told).receive() {
            Ok(ClientStarting::Started { sip, next }) => {
                self.0.put(next);
                Ok((sip, end))
            }
            Ok(ClientStarting::Refused { reason, next }) => {
                self.0.put(next);
                Err(NotStarted::Refused(Box::new(reason)))
            }
            Err(Closed) => Err(NotStarted::NoAnswer),
        }
    }

    /// Ends a SIP. If it has ended already, that is told where its end is.
    pub fn kill(&mut self, sip: u32) {
        let Ok(client) = self.take() else { return };
        if let Ok(ClientKilling::Killed { next } | ClientKilling::NoSuchProcess { next }) =
            client.kill(sip).receive()
        {
            self.0.put(next);
        }
    }

    /// Ends the system.
    pub fn shut_down(&mut self, outcome: Outcome) {
        if let Ok(client) = self.take() {
            client.shutdown(outcome);
        }
    }
}
