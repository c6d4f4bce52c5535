//! A process lives on that takes things and gives them back, very often: what it has does not become more.

use alloc::format;

use contracts::spec::ping::PingPong;
use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract};
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, mourn, settles};
use crate::office::{Office, Opposite};
use crate::orders::Order;

/// `upkeep who=NAME rounds=N`: a victim of that name takes something of every kind and gives it back, that many times, and then
/// as often again.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let (who, rounds) = (order.text("who")?, order.number("rounds")?);
    let mut score = Score::default();
    settles(office, &mut score, |office, score| {
        let patient = office.start_planted(who, &format!("churn {rounds}"))?;
        let mut opposite = Opposite::of(office.pose()?);
        let (client, _server) = PingPong::channel()?;
        opposite.give(AnyEndpoint::new(client))?;
        let halted = opposite.halted()?;
        office.rest();
        let before = office.sums()?;
        opposite.playing = Some(halted.resume());
        let halted = opposite.halted()?;
        score.injected += rounds;
        let after = mourn(office, &before)?;
        if after != before {
            rt::log!("before: {before:?}");
            rt::log!("after:  {after:?}");
            return Err(Trouble::Wrong("something is left of what a process gave back"));
        }
        opposite.playing = Some(halted.resume());
        opposite.done()?;
        if office.end_of(patient)? != Exit::Success {
            return Err(Trouble::Wrong("a process did not end well"));
        }
        score.detected += rounds;
        Ok(())
    })?;
    let Score { injected, detected, recovered } = score;
    rt::log!("fact upkeep who={who} injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}
