//! Two processes that talk to each other, and are to notice nothing.

use alloc::format;

use contracts::spec::system::Exit;
use trial::desk::desk;
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::office::{Office, Opposite, Patient};

/// A pair of them, at work.
pub(crate) struct Bystanders {
    server: (Patient, desk::Server<desk::Halted>),
    client: (Patient, desk::Server<desk::Halted>),
}

impl Bystanders {
    /// They rest for a tick after so many messages, if that is not 0: then others come to their turn sooner.
    pub(crate) fn begin(office: &mut Office, pace: u64) -> Result<Self, Trouble> {
        let server = office.start("victim", "serve")?;
        let mut at_server = Opposite::of(office.pose()?);
        let end = at_server.take()?;
        let client = office.start("victim", &format!("load {pace}"))?;
        let mut at_client = Opposite::of(office.pose()?);
        at_client.give(end)?;
        let bystanders =
            Bystanders { server: (server, at_server.halted()?), client: (client, at_client.halted()?) };
        office.forget();
        Ok(bystanders)
    }

    /// Ends them, and finds that they have had nothing but what they sent each other.
    pub(crate) fn end(self, office: &mut Office) -> Result<(), Trouble> {
        let mut received = [0; 2];
        let Bystanders { server, client } = self;
        for ((patient, halted), received) in [client, server].into_iter().zip(&mut received) {
            let desk::ServerPlaying::Done { received: count } = halted.resume().receive()? else {
                return Err(Trouble::Wrong("a bystander stopped"));
            };
            *received = count;
            if office.end_of(patient)? != Exit::Success {
                return Err(Trouble::Wrong("a bystander did not end well"));
            }
        }
        office.forget();
        rt::log!("fact bystanders received={}", received[0]);
        if received[0] == received[1] {
            Ok(())
        } else {
            Err(Trouble::Wrong("a bystander's message was lost"))
        }
    }
}
