//! Has `fragile` panic until its supervisor gives it up, and reports what it sees of each incarnation, as lines
//! `fact incarnation KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::abi::{Owner, OwnerKind};
use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::{Client, ClientWaiting, Idle};
use contracts::spec::probe::probe::{ClientListing as ClientLedger, ClientSumming};
use contracts::spec::probe::{LedgerLine, Probe};
use contracts::spec::system::System;
use contracts::spec::system::system::ClientListing;
use contracts::{Closed, ExBox};
use rt::reconnect::{Reconnecting, Unavailable};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { fragile: PingPong, probe: Probe, system: System },
    restart: never,
}

/// Lines of the ledger that it looks at.
const LINES: usize = 200;

fn main(grants: Grants) -> Result<(), Trouble> {
    let mut fragile = Reconnecting::over(grants.ports.fragile, grants.fragile);
    let mut probe = Reconnecting::over(grants.ports.probe, grants.probe);
    let mut system = Reconnecting::over(grants.ports.system, grants.system);
    let mut last = 0;
    let mut incarnation = 0;
    loop {
        incarnation += 1;
        let client = match fragile.take() {
            Ok(client) => client,
            Err(Unavailable { .. }) => {
                rt::log!("fact given_up incarnations={}", incarnation - 1);
                return Ok(());
            }
        };
        fragile.put(client);
        // The first answer is the first whatever was answered before.
        let first = fragile.request(|client| ask(client, 1))?;
        let second = fragile.request(|client| ask(client, 1))?;
        let left = fragile.request(|client| ask(client, 2))?;
        let sip = number(&mut system)?;
        let owned = owned_by(&mut probe, last)?;
        let channels = channels(&mut probe)?;
        let closed = matches!(fragile.take()?.ping(0).receive(), Err(Closed));
        rt::log!(
            "fact incarnation n={incarnation} sip={sip} first={first} second={second} left={left} owned={owned} \
             channels={channels} closed={closed}"
        );
        last = sip;
    }
}

fn ask(client: Client<Idle>, value: u64) -> Result<(Client<Idle>, u64), Closed> {
    let ClientWaiting::Pong { value, next } = client.ping(value).receive()?;
    Ok((next, value))
}

/// The number of the SIP that is `fragile` now.
fn number(system: &mut Reconnecting<System>) -> Result<u32, Trouble> {
    let processes = system.request(|system| {
        let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
        Ok((next, processes))
    })?;
    let fragile = processes.iter().find(|process| process.name.as_str() == "fragile");
    fragile.map(|process| process.id).ok_or(Trouble::Wrong("fragile is not in the list of processes"))
}

/// How many blocks the SIP of this number owns.
fn owned_by(probe: &mut Reconnecting<Probe>, sip: u32) -> Result<usize, Trouble> {
    let mut lines = Some(ExBox::from_fn(LINES, |_| LedgerLine::default())?);
    let (lines, count) = probe.request(|probe| {
        let lines = lines.take().ok_or(Closed)?;
        let ClientLedger::Lines { lines, count, next, .. } = probe.list(lines).receive()?;
        Ok((next, (lines, count)))
    })?;
    let lines = &lines[..LINES.min(count as usize)];
    Ok(lines.iter().filter(|line| Owner::from_bits(line.owner).kind() == OwnerKind::Sip(sip)).count())
}

/// How many channels there are.
fn channels(probe: &mut Reconnecting<Probe>) -> Result<u64, Trouble> {
    Ok(probe.request(|probe| {
        let ClientSumming::Sums { memory, next, .. } = probe.sum().receive()?;
        Ok((next, memory.channels))
    })?)
}
