//! A process closes its service and lives on: its clients hear of it, and nobody is connected to it any more.

use contracts::spec::ping::PingPong;
use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract, ExBox, ReceiveByError};
use trial::echo::{Echo, echo};
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite};
use crate::orders::Order;

/// What the process provides.
const SERVICE: &str = "stall";

/// `shop count=N`: that many times.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut score = Score::default();
    for _ in 0..order.number("count")? {
        settles(office, &mut score, close)?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact shop injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}

/// Once.
pub(crate) fn close(office: &mut Office, score: &mut Score) -> Result<(), Trouble> {
    let patient = office.start_planted("modest", "shop")?;
    let mut opposite = Opposite::of(office.pose()?);
    let (client, _server) = PingPong::channel()?;
    opposite.give(AnyEndpoint::new(client))?;
    let halted = opposite.halted()?;
    let mut connect = || {
        let found = office.look_up(SERVICE, Echo::FINGERPRINT)?;
        let end = found.ok_or(Trouble::Wrong("a service is not found"))?.downcast();
        end.map_err(|_| Trouble::Wrong("it is another endpoint"))
    };
    let clients: [echo::Client<echo::Idle>; 3] = [connect()?, connect()?, connect()?];
    let [served, unseen, silent] = clients;
    let waiting = served.there(ExBox::zeroed(70)?);
    opposite.playing = Some(halted.resume());
    let Ok(echo::ClientWaiting::Back { next: served, .. }) = waiting.receive_by(Office::soon()) else {
        return Err(Trouble::Wrong("a service does not answer"));
    };
    let halted = opposite.halted()?;
    let unseen = unseen.there(ExBox::zeroed(70)?);
    score.injected += 1;
    opposite.playing = Some(halted.resume());
    let halted = opposite.halted()?;
    for waiting in [served.there(ExBox::zeroed(70)?), unseen, silent.there(ExBox::zeroed(70)?)] {
        match waiting.receive_by(Office::soon()) {
            Err(ReceiveByError::Closed) => {}
            Err(ReceiveByError::TimedOut(_)) => {
                return Err(Trouble::Wrong("a client of a service that was closed waits for good"));
            }
            _ => return Err(Trouble::Wrong("a service answers that was closed")),
        }
    }
    if office.look_up(SERVICE, Echo::FINGERPRINT)?.is_some() {
        return Err(Trouble::Wrong("a service is found that was closed"));
    }
    opposite.playing = Some(halted.resume());
    opposite.done()?;
    if office.end_of(patient)? != Exit::Success {
        return Err(Trouble::Wrong("a process did not end well"));
    }
    score.detected += 1;
    Ok(())
}
