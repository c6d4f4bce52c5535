//! The map from names to services, kept in step with what the kernel says.

use alloc::string::String;
use alloc::vec::Vec;

use contracts::spec::directory::broker::{Client, ClientConnecting, ClientListing, Ready};
use contracts::spec::directory::{ConnectError, ServiceInfo};
use contracts::{AnyEndpoint, Closed};
use hashbrown::HashMap;

/// What comes of a lookup.
#[derive(Debug)]
pub enum Answer {
    /// The client's end of a fresh channel.
    Connected(AnyEndpoint),
    /// No service has that name.
    Unknown,
    /// The service exists and the connection does not.
    Refused(ConnectError),
}

/// Names of services, learnt from the kernel when a name is not known or leads to nobody: no service has to register, or
/// to say that it goes.
#[derive(Debug)]
pub struct Names {
    broker: Client<Ready>,
    services: HashMap<String, ServiceInfo>,
}

impl Names {
    /// No names yet; `broker` knows them.
    pub fn new(broker: Client<Ready>) -> Self {
        Names { broker, services: HashMap::new() }
    }

    /// Connects to the service `name` for the SIP `client`, which speaks the contract of this fingerprint.
    ///
    /// # Errors
    /// [`Closed`] when the broker is gone.
    pub fn connect(mut self, name: &str, fingerprint: u64, client: u32) -> Result<(Self, Answer), Closed> {
        if let Some(service) = self.services.get(name) {
            let service = service.id;
            let answer;
            (self, answer) = self.ask(service, fingerprint, client)?;
            if !matches!(answer, Answer::Refused(_)) {
                return Ok((self, answer));
            }
        }
        self = self.refresh()?;
        match self.services.get(name) {
            Some(service) => {
                let service = service.id;
                self.ask(service, fingerprint, client)
            }
            None => Ok((self, Answer::Unknown)),
        }
    }

    /// All services that run now, by name.
    ///
    /// # Errors
    /// [`Closed`] when the broker is gone.
    pub fn list(mut self) -> Result<(Self, Vec<ServiceInfo>), Closed> {
        self = self.refresh()?;
        let mut list: Vec<_> = self.services.values().copied().collect();
        list.sort_unstable_by(|a, b| a.name.as_str().cmp(&b.name));
        Ok((self, list))
    }

    fn ask(self, service: u64, fingerprint: u64, client: u32) -> Result<(Self, Answer), Closed> {
        let (broker, answer) = match self.broker.connect(service, fingerprint, client).receive()? {
            ClientConnecting::Connected { endpoint, next } => (next, Answer::Connected(endpoint)),
            ClientConnecting::Refused { error, next } => (next, Answer::Refused(error)),
        };
        Ok((Names { broker, ..self }, answer))
    }

    fn refresh(mut self) -> Result<Self, Closed> {
        let ClientListing::Known { services, next } = self.broker.services().receive()?;
        self.services.clear();
        for service in services.iter() {
            // Of two providers of one name the older keeps it.
            self.services.entry_ref(service.name.as_str()).or_insert(*service);
        }
        Ok(Names { broker: next, ..self })
    }
}
