//! What a process made and sent outlives it, and counts against it until somebody else has it, whoever was started meanwhile.

use contracts::spec::ping::ping_pong;
use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract};
use trial::echo::{Echo, echo};
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite};
use crate::orders::Order;

const NOT_AS_PLANNED: Trouble = Trouble::Wrong("a process did not end as it was made to");
const NOT_THAT: Trouble = Trouble::Wrong("a message is not what was sent");

/// What a process leaves behind.
struct Estate {
    /// The end of a channel that it made.
    _end: ping_pong::Client<ping_pong::Idle>,
    /// Where a block comes that it sent.
    server: echo::Server<echo::Idle>,
}

/// `heirs count=N`: that many times, two processes end, one after the other, and then what they left is taken.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut score = Score::default();
    for _ in 0..order.number("count")? {
        settles(office, &mut score, |office, score| {
            let first = bequeath(office, score)?;
            let second = bequeath(office, score)?;
            // The first one's comes to its heir while the other's still counts.
            inherit(first)?;
            let third = bequeath(office, score)?;
            inherit(second)?;
            inherit(third)
        })?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact heirs injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}

/// A process makes a channel and another one sends a block, and both end.
fn bequeath(office: &mut Office, score: &mut Score) -> Result<Estate, Trouble> {
    let maker = office.start_victim("scene numbers server")?;
    let mut at_maker = Opposite::of(office.pose()?);
    let end = at_maker.take()?.downcast::<ping_pong::Client<ping_pong::Idle>>();
    let end = end.map_err(|_| Trouble::Wrong("it is another endpoint"))?;
    let sender = office.start_victim("scene blocks client")?;
    let mut at_sender = Opposite::of(office.pose()?);
    let (client, server) = Echo::channel()?;
    at_sender.give(AnyEndpoint::new(client))?;
    office.rest();
    for patient in [maker, sender] {
        office.kill(patient.sip)?;
        score.injected += 1;
        if office.end_of(patient)? != Exit::Killed {
            return Err(NOT_AS_PLANNED);
        }
        score.detected += 1;
    }
    Ok(Estate { _end: end, server })
}

/// Takes what was left.
fn inherit(Estate { server, .. }: Estate) -> Result<(), Trouble> {
    match server.receive_by(Office::soon()) {
        Ok(echo::ServerIdle::There { block, .. }) if block.len() == 5 => Ok(()),
        _ => Err(NOT_THAT),
    }
}
