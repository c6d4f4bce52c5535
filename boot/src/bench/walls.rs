//! What walls cost: round trips of the same two programs in each pair of placements. `payer` and `booth` are processes of
//! `tests/guests`.

use crate::bench::chart;
use crate::facts::facts;
use crate::guest::{self, Images};
use crate::qemu::Outcome;
use crate::setup;
use crate::signing::Key;
use crate::system::System;
use anyhow::{Context, Result, bail};
use contracts::manifest::Wiring;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The client, which measures.
const CLIENT: &str = "payer";
/// The server.
const SERVER: &str = "booth";
const LIMIT: Duration = Duration::from_secs(120);

/// What goes there and back, by the name that the client reports it under, and as it stands in the table.
pub const PAYLOADS: [(&str, &str); 6] = [
    ("words0", "nothing"),
    ("words8", "8 words"),
    ("words10", "10 words"),
    ("words64", "64 words"),
    ("pages1", "1 page"),
    ("pages256", "256 pages"),
];

/// Where the two ends are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// In words.
    pub name: &'static str,
    /// Whether the client is in a domain.
    pub client_in_domain: bool,
    /// Whether the server is.
    pub server_in_domain: bool,
}

/// Each pair of placements.
pub const PAIRS: [Pair; 4] = [
    Pair { name: "SIP to SIP", client_in_domain: false, server_in_domain: false },
    Pair { name: "domain to SIP", client_in_domain: true, server_in_domain: false },
    Pair { name: "SIP to domain", client_in_domain: false, server_in_domain: true },
    Pair { name: "domain to domain", client_in_domain: true, server_in_domain: true },
];

/// What others take, counted in the same way: by QEMU, `-icount shift=0`. Each with the payload that it was counted with.
pub const OTHERS: [(&str, &str, u64); 4] = [
    ("seL4, Call and ReplyRecv", "nothing", 405),
    ("seL4, Call and ReplyRecv", "10 words", 1590),
    ("Composite, invocation", "nothing", 504),
    ("Linux, pipe", "nothing", 13_300),
];

/// Instructions of a round trip in one pair of placements, by what was sent.
pub type Trips = BTreeMap<String, u64>;

/// Counts the instructions of a round trip with each payload: the same figures on every host.
///
/// # Errors
/// When it cannot be run to its end.
pub fn count(images: &Images, pair: Pair) -> Result<Trips> {
    let mut images = images.clone();
    images.sips.retain(|name, _| [CLIENT, SERVER].contains(&name.as_str()));
    let in_domains = [(CLIENT, pair.client_in_domain), (SERVER, pair.server_in_domain)];
    let domains = in_domains.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()).collect();
    let start = [SERVER, CLIENT].map(str::to_owned).to_vec();
    let wiring = Wiring { start, domains, ..Wiring::default() };
    let run = System::from_images(images, wiring, &Key::development()?)?.icount(0).run(LIMIT)?;
    if run.outcome != Outcome::Success {
        bail!("{}: the measurement failed ({:?}); the kernel log:\n{}", pair.name, run.outcome, run.log);
    }
    let trips: Trips =
        facts(&run.log, "trip").into_iter().map(|trip| (trip.text("what"), trip.get("ticks"))).collect();
    for (what, _) in PAYLOADS {
        trips.get(what).with_context(|| format!("{}: {what} was not reported", pair.name))?;
    }
    Ok(trips)
}

/// Builds the guests, measures, draws the chart if it is asked for, and returns the table.
pub(super) fn run(svg: Option<&Path>) -> Result<String> {
    setup::ensure_qemu()?;
    let images = guest::build_with(&[CLIENT, SERVER])?;
    let walls = Walls::measure(&images)?;
    if let Some(path) = svg {
        std::fs::write(path, walls.chart()?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(walls.to_string())
}

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Walls(pub Vec<(Pair, Trips)>);

impl Walls {
    /// Measures each pair of placements.
    ///
    /// # Errors
    /// As [`count`].
    pub fn measure(images: &Images) -> Result<Self> {
        let each = PAIRS.into_iter().map(|pair| Ok((pair, count(images, pair)?)));
        Ok(Walls(each.collect::<Result<_>>()?))
    }

    /// The chart, as SVG.
    ///
    /// # Errors
    /// When it cannot be drawn.
    pub fn chart(&self) -> Result<String> {
        chart::draw(self).context("the chart cannot be drawn")
    }
}

impl fmt::Display for Walls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:26}", "INSTRUCTIONS, THERE AND BACK")?;
        PAYLOADS.iter().try_for_each(|(_, words)| write!(f, "{words:>11}"))?;
        writeln!(f)?;
        for (Pair { name, .. }, trips) in &self.0 {
            write!(f, "{name:28}")?;
            PAYLOADS.iter().try_for_each(|(what, _)| write!(f, "{:>11}", trips[*what]))?;
            writeln!(f)?;
        }
        let mut names: Vec<_> = OTHERS.iter().map(|(name, ..)| *name).collect();
        names.dedup();
        for name in names {
            write!(f, "{name:28}")?;
            for (_, words) in PAYLOADS {
                let found = OTHERS.iter().find(|(other, payload, _)| (*other, *payload) == (name, words));
                let figure = found.map_or("-".to_owned(), |(.., instructions)| instructions.to_string());
                write!(f, "{figure:>11}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
