//! What every check needs: channels to others, and a look at the sums.

use contracts::spec::directory::directory::{ClientListing, ClientLookingUp, Ready};
use contracts::spec::directory::{ConnectError, directory};
use contracts::spec::probe::probe;
use contracts::spec::system::BlockTotals;
use contracts::{AnyEndpoint, Closed, Contract, Name, SendFirst};
use trial::assist::{Assist, assist};
use trial::tally::tally;
use trial::trouble::Trouble;

/// A check: it finds what it should, or says what it found.
pub(crate) type Check = fn(&mut Hall) -> Result<(), Trouble>;

/// Whether a property holds.
pub(crate) fn holds(property: bool, name: &'static str) -> Result<(), Trouble> {
    if property { Ok(()) } else { Err(Trouble::Wrong(name)) }
}

/// What the directory says of a service.
#[derive(Debug)]
pub(crate) enum Answer {
    Found(AnyEndpoint),
    Unknown,
    Refused(ConnectError),
}

/// What was granted.
pub(crate) struct Hall {
    porter: Option<tally::Client<tally::Start>>,
    /// None only during a call.
    directory: Option<directory::Client<Ready>>,
    probe: Option<probe::Client<probe::Ready>>,
}

impl Hall {
    pub(crate) fn new(
        porter: tally::Client<tally::Start>,
        directory: directory::Client<Ready>,
        probe: probe::Client<probe::Ready>,
    ) -> Self {
        Hall { porter: Some(porter), directory: Some(directory), probe: Some(probe) }
    }

    /// The channel that the manifest asked for, once.
    pub(crate) fn porter(&mut self) -> Result<tally::Client<tally::Start>, Trouble> {
        self.porter.take().ok_or(Trouble::Closed)
    }

    /// A channel to the service `name`, as the directory makes one for a client that speaks `C`.
    pub(crate) fn connect<C: Contract>(&mut self, name: &str) -> Result<C::Client, Trouble>
    where
        C::Client: SendFirst,
    {
        match self.lookup(name, C::FINGERPRINT)? {
            Answer::Found(endpoint) => {
                endpoint.downcast().map_err(|_| Trouble::Wrong("the endpoint found is what was asked for"))
            }
            Answer::Unknown => Err(Trouble::Wrong("the directory knows the service")),
            Answer::Refused(_) => Err(Trouble::Wrong("the directory connects to the service")),
        }
    }

    /// What the directory answers.
    pub(crate) fn lookup(&mut self, name: &str, fingerprint: u64) -> Result<Answer, Trouble> {
        let directory = self.directory.take().ok_or(Trouble::Closed)?;
        let (answer, next) = match directory.lookup(Name::truncated(name), fingerprint).receive()? {
            ClientLookingUp::Found { endpoint, next } => (Answer::Found(endpoint), next),
            ClientLookingUp::Unknown { next } => (Answer::Unknown, next),
            ClientLookingUp::Refused { error, next } => (Answer::Refused(error), next),
        };
        self.directory = Some(next);
        Ok(answer)
    }

    /// A session with the assistant.
    pub(crate) fn assistant(&mut self) -> Result<assist::Client<assist::Ready>, Trouble> {
        self.connect::<Assist>("assistant")
    }

    /// Number of the process that provides the service `name`.
    pub(crate) fn provider(&mut self, name: &str) -> Result<u64, Trouble> {
        let directory = self.directory.take().ok_or(Trouble::Closed)?;
        let ClientListing::Names { services, next } = directory.list().receive()?;
        self.directory = Some(next);
        let service = services.iter().find(|service| service.name.as_str() == name);
        service.map(|service| u64::from(service.sip)).ok_or(Trouble::Wrong("the directory lists the service"))
    }

    /// What the exchange heap holds, and what was moved so far.
    pub(crate) fn totals(&mut self) -> Result<BlockTotals, Trouble> {
        let probe = self.probe.take().ok_or(Trouble::Closed)?;
        let probe::ClientSumming::Sums { totals, next, .. } = probe.sum().receive()?;
        self.probe = Some(next);
        Ok(totals)
    }
}

/// Has the assistant do what it answers with `Done`.
pub(crate) fn done(busy: assist::Client<assist::Busy>) -> Result<assist::Client<assist::Ready>, Closed> {
    let assist::ClientBusy::Done { next } = busy.receive()?;
    Ok(next)
}
