//! Endpoints that the shell holds from one command to the next.

use core::fmt;

use contracts::spec::directory::directory::{Client, ClientListing, ClientLookingUp, Ready};
use contracts::spec::directory::{ConnectError, ServiceInfo};
use contracts::{Closed, Contract, ExBox, Name, SendFirst};

/// Why there is no channel to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// The directory is gone.
    NoDirectory,
    /// Nobody provides it.
    Unknown(&'static str),
    /// It is there and does not connect.
    Refused(&'static str, ConnectError),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Absent::NoDirectory => f.write_str("the directory is gone"),
            Absent::Unknown(service) => write!(f, "the service '{service}' is not running"),
            Absent::Refused(service, error) => write!(f, "the service '{service}': {error}"),
        }
    }
}

/// The directory, as long as it is there.
#[derive(Debug)]
pub(crate) struct Directory(Option<Client<Ready>>);

impl Directory {
    /// Takes charge of the endpoint.
    pub(crate) fn new(client: Client<Ready>) -> Self {
        Directory(Some(client))
    }

    /// A fresh channel to the service `name`.
    pub(crate) fn connect<C: Contract>(&mut self, name: &'static str) -> Result<C::Client, Absent>
    where
        C::Client: SendFirst,
    {
        let directory = self.0.take().ok_or(Absent::NoDirectory)?;
        let answer = directory.lookup(Name::truncated(name), C::FINGERPRINT).receive();
        let (endpoint, next) = match answer.map_err(|Closed| Absent::NoDirectory)? {
            ClientLookingUp::Found { endpoint, next } => {
                let endpoint = endpoint.downcast();
                (endpoint.map_err(|_| Absent::Refused(name, ConnectError::Mismatch)), next)
            }
            ClientLookingUp::Unknown { next } => (Err(Absent::Unknown(name)), next),
            ClientLookingUp::Refused { error, next } => (Err(Absent::Refused(name, error)), next),
        };
        self.0 = Some(next);
        endpoint
    }

    /// All services.
    pub(crate) fn list(&mut self) -> Result<ExBox<[ServiceInfo]>, Absent> {
        let directory = self.0.take().ok_or(Absent::NoDirectory)?;
        let answer = directory.list().receive();
        let ClientListing::Names { services, next } = answer.map_err(|Closed| Absent::NoDirectory)?;
        self.0 = Some(next);
        Ok(services)
    }
}

/// A channel to a service in the contract's start state, made anew when the old one was lost.
pub(crate) struct Peer<C: Contract> {
    name: &'static str,
    endpoint: Option<C::Client>,
}

impl<C: Contract> Peer<C>
where
    C::Client: SendFirst,
{
    pub(crate) fn new(name: &'static str, endpoint: C::Client) -> Self {
        Peer { name, endpoint: Some(endpoint) }
    }

    /// The endpoint. Who brings it back to the start state gives it back by [`Peer::put`]; who does not has lost it.
    pub(crate) fn take(&mut self, directory: &mut Directory) -> Result<C::Client, Absent> {
        match self.endpoint.take().map(SendFirst::if_open) {
            Some(Ok(endpoint)) => Ok(endpoint),
            Some(Err(Closed)) | None => directory.connect::<C>(self.name),
        }
    }

    pub(crate) fn put(&mut self, endpoint: C::Client) {
        self.endpoint = Some(endpoint);
    }
}
