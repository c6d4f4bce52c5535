//! Processes are made, talk, and end, very many times.

use alloc::vec::Vec;

use contracts::spec::system::Exit;
use contracts::{Instant, Side};
use trial::scenes::{Scene, Tally};
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite};
use crate::orders::{BAD, Order};

/// The time of the first and of the last of so many equal parts is told.
const TENTHS: u64 = 10;

/// Cycles before those that are counted.
const WARM_UP: usize = 20;

/// `cycles count=N`. Says how many nanoseconds a cycle took in the first and in the last tenth of them.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let scene = Scene::named("blocks").ok_or(BAD)?;
    let mut score = Score::default();
    let before = office.processes("")?.len();
    let count = order.number("count")?;
    // Until all is there that is kept.
    for _ in 0..WARM_UP {
        cycle(office, &mut Score::default(), scene)?;
    }
    let mut tenths = Vec::new();
    for tenth in 0..TENTHS {
        let began = Instant::now();
        let cycles = count * (tenth + 1) / TENTHS - count * tenth / TENTHS;
        for _ in 0..cycles {
            cycle(office, &mut score, scene)?;
        }
        tenths.push(Instant::now().saturating_since(began).as_nanos() as u64 / cycles.max(1));
    }
    if office.processes("")?.len() != before {
        return Err(Trouble::Wrong("there are more processes than before"));
    }
    let Score { injected, detected, recovered } = score;
    rt::log!(
        "fact cycles injected={injected} detected={detected} recovered={recovered} first={} last={}",
        tenths[0],
        tenths[tenths.len() - 1]
    );
    Ok(())
}

/// One life, after which all is as before.
fn cycle(office: &mut Office, score: &mut Score, scene: &Scene) -> Result<(), Trouble> {
    settles(office, score, |office, score| {
        let patient = office.start_victim("scene blocks client")?;
        let mut opposite = Opposite::of(office.pose()?);
        let mut tally = Tally::default();
        score.injected += 1;
        match scene.play(Side::Server, &mut opposite, &mut tally) {
            Err(Trouble::Closed) => {}
            Ok(()) => return Err(Trouble::Wrong("a client does not go")),
            Err(trouble) => return Err(trouble),
        }
        opposite.done()?;
        if office.end_of(patient)? != Exit::Success {
            return Err(Trouble::Wrong("a process did not end well"));
        }
        score.detected += 1;
        Ok(())
    })
}
