//! Processes that never give the core away: each has its turn, and keeps nobody of a higher priority from it.

use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Contract, Instant};
use trial::desk::desk;
use trial::scenes::Stage;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite, Patient};
use crate::orders::Order;

/// Of the timer.
const TICK: Duration = Duration::from_millis(4);
/// Processes that compute.
const SPINNERS: usize = 4;
/// Times that the undertaker sleeps meanwhile.
const SLEEPS: u64 = 20;

/// `turns laps=N`: that many times, processes of one priority compute, while the undertaker, which has a greater one, sleeps for a
/// tick again and again.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut score = Score::default();
    for _ in 0..order.number("laps")? {
        settles(office, &mut score, spin)?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact turns injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}

fn spin(office: &mut Office, score: &mut Score) -> Result<(), Trouble> {
    let mut spinners: [Option<(Patient, desk::Server<desk::Halted>)>; SPINNERS] = [const { None }; SPINNERS];
    for place in &mut spinners {
        let patient = office.start_victim("spin")?;
        let began = Instant::now();
        let mut opposite = Opposite::of(office.pose()?);
        let (client, _server) = PingPong::channel()?;
        opposite.give(AnyEndpoint::new(client))?;
        *place = Some((patient, opposite.halted()?));
        // Twice, until it comes and until it has stopped: it waits while each of the others has its turn.
        if Instant::now() > began + TICK * (2 * SPINNERS as u32) {
            return Err(Trouble::Wrong("a process does not come to its turn"));
        }
    }
    score.injected += SLEEPS;
    for _ in 0..SLEEPS {
        let end = Instant::now() + TICK;
        office.rest();
        // To the next tick, and nobody's turn more.
        if Instant::now() > end + TICK + TICK / 2 {
            return Err(Trouble::Wrong("a process waits for others of a lower priority"));
        }
        score.detected += 1;
    }
    let mut done = [0; SPINNERS];
    for (place, done) in spinners.iter_mut().zip(&mut done) {
        let (patient, halted) = place.take().ok_or(Trouble::Closed)?;
        *done = match halted.resume().receive_by(Office::soon()) {
            Ok(desk::ServerPlaying::Done { received }) => received,
            _ => return Err(Trouble::Wrong("a process did not end well")),
        };
        if office.end_of(patient)? != Exit::Success {
            return Err(Trouble::Wrong("a process did not end well"));
        }
    }
    // The last one began a few turns later, and ends a few later.
    let [least, most] = [done.iter().min(), done.iter().max()].map(|count| count.copied().unwrap_or(0));
    if least * 2 < most {
        rt::log!("{done:?}");
        return Err(Trouble::Wrong("a process has had less of the core than others"));
    }
    Ok(())
}
