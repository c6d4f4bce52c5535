//! A process ends while what another one had is still being given back, and a peer goes on talking to it.

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract};
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite};
use crate::orders::Order;

const NOT_AS_PLANNED: Trouble = Trouble::Wrong("a process did not end as it was made to");

/// `funerals count=N`.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut score = Score::default();
    for _ in 0..order.number("count")? {
        settles(office, &mut score, |office, score| {
            // So rich that reclaiming takes longer than a tick.
            let rich = office.start_victim("hoard")?;
            let mut at_rich = Opposite::of(office.pose()?);
            let (client, server) = PingPong::channel()?;
            at_rich.give(AnyEndpoint::new(client))?;
            let halted = at_rich.halted()?;
            // Waits for a message, and has so many channels that closing them takes longer than a tick.
            let poor = office.start_victim("crowd numbers server")?;
            let mut at_poor = Opposite::of(office.pose()?);
            let client = at_poor.take()?.downcast::<ping_pong::Client<ping_pong::Idle>>();
            let client = client.map_err(|_| Trouble::Wrong("it is another endpoint"))?;
            office.rest();
            office.kill(rich.sip)?;
            score.injected += 2;
            if server.receive_by(Office::soon()).is_ok() {
                return Err(NOT_AS_PLANNED);
            }
            office.kill(poor.sip)?;
            // Nobody will take this, and it wakes nobody.
            if client.ping(0).receive_by(Office::soon()).is_ok() {
                return Err(NOT_AS_PLANNED);
            }
            drop(halted);
            if [office.end_of(rich)?, office.end_of(poor)?] != [Exit::Killed; 2] {
                return Err(NOT_AS_PLANNED);
            }
            score.detected += 2;
            Ok(())
        })?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact funerals injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}
