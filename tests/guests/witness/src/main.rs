//! Ends each service of the system in the middle of a request of its own, sees its channel close, and makes the request
//! again to the next incarnation; then has the supervisor start processes for it. What it sees it reports as lines
//! `fact KIND KEY=VALUE...` in the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;

use contracts::spec::archive::Archive;
use contracts::spec::archive::archive::ClientListing as ClientFiles;
use contracts::spec::console::Console;
use contracts::spec::console::console::ClientWriting;
use contracts::spec::count::Count;
use contracts::spec::count::count::{ClientCounting, ClientFinishing};
use contracts::spec::digest::Digest;
use contracts::spec::digest::digest::{ClientFinishing as ClientSumming, ClientHashing};
use contracts::spec::directory::Directory;
use contracts::spec::directory::directory::ClientListing as ClientNames;
use contracts::spec::ping::ping_pong::ClientWaiting;
use contracts::spec::ping::pinger::ClientRunning;
use contracts::spec::ping::{PingPong, Pinger};
use contracts::spec::supervisor::life::{Client as LifeClient, ClientLiving, ClientRestarting, Living};
use contracts::spec::supervisor::supervisor::{
    ClientListing as ClientChildren, ClientStarting, ClientStopping,
};
use contracts::spec::supervisor::{Life, Supervisor};
use contracts::spec::system::System;
use contracts::spec::system::system::{ClientKilling, ClientListing};
use contracts::{Closed, Contract, ExBox, Exhausted, Name, SendFirst, Text};
use rt::reconnect::Reconnecting;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: {
        archive: Archive,
        console: Console,
        count: Count,
        digest: Digest,
        directory: Directory,
        ping: Pinger,
        pong: PingPong,
        supervisor: Supervisor,
        system: System,
    },
    // Above all that it ends, so that none of them runs before the kernel has ended it, whenever the timer ticks.
    priority: 12,
    restart: never,
}

/// A block of text.
fn text() -> Result<ExBox<[u8]>, Closed> {
    ExBox::from_fn(6, |index| b"a word"[index]).map_err(|Exhausted| Closed)
}

/// Receives the answer to a request that was sent.
type Pending = Box<dyn FnOnce() -> Result<(), Closed>>;

fn main(grants: Grants) -> Result<(), Trouble> {
    let ports = grants.ports;
    let mut system = Reconnecting::over(ports.system, grants.system);
    let mut archive = Reconnecting::over(ports.archive, grants.archive);
    survive("archive", &mut system, &mut archive, |archive| {
        let listing = archive.list();
        Ok(Box::new(move || listing.receive().map(|ClientFiles::Files { .. }| ())))
    })?;
    let mut console = Reconnecting::over(ports.console, grants.console);
    survive("console", &mut system, &mut console, |console| {
        let writing = console.write(text()?, 6);
        Ok(Box::new(move || writing.receive().map(|ClientWriting::Written { .. }| ())))
    })?;
    let mut count = Reconnecting::over(ports.count, grants.count);
    survive("count", &mut system, &mut count, |count| {
        let counting = count.part(text()?, 6);
        Ok(Box::new(move || {
            let ClientCounting::Counted { next, .. } = counting.receive()?;
            // Nothing of what the one before has counted.
            let ClientFinishing::Totals { bytes, .. } = next.finish().receive()?;
            if bytes == 6 { Ok(()) } else { Err(Closed) }
        }))
    })?;
    let mut digest = Reconnecting::over(ports.digest, grants.digest);
    survive("digest", &mut system, &mut digest, |digest| {
        let hashing = digest.part(text()?, 6);
        Ok(Box::new(move || {
            let ClientHashing::Hashed { next, .. } = hashing.receive()?;
            next.finish().receive().map(|ClientSumming::Sum { .. }| ())
        }))
    })?;
    let mut directory = Reconnecting::over(ports.directory, grants.directory);
    survive("directory", &mut system, &mut directory, |directory| {
        let listing = directory.list();
        Ok(Box::new(move || listing.receive().map(|ClientNames::Names { .. }| ())))
    })?;
    let mut pong = Reconnecting::over(ports.pong, grants.pong);
    survive("pong", &mut system, &mut pong, |pong| {
        let waiting = pong.ping(1);
        Ok(Box::new(move || waiting.receive().map(|ClientWaiting::Pong { .. }| ())))
    })?;
    let mut ping = Reconnecting::over(ports.ping, grants.ping);
    survive("ping", &mut system, &mut ping, |ping| {
        let running = ping.run(10);
        Ok(Box::new(move || match running.receive()? {
            ClientRunning::Done { .. } => Ok(()),
            ClientRunning::Gone { .. } => Err(Closed),
        }))
    })?;
    be_served(&mut Reconnecting::over(ports.supervisor, grants.supervisor))
}

/// Has a request answered, ends the service in the middle of another, sees the channel close, and has the next
/// incarnation answer.
fn survive<C: Contract>(
    name: &'static str,
    system: &mut Reconnecting<System>,
    service: &mut Reconnecting<C>,
    ask: impl Fn(C::Client) -> Result<Pending, Closed>,
) -> Result<(), Trouble>
where
    C::Client: SendFirst,
{
    ask(service.take()?)?()?;
    let sip = number(name, system)?;
    // It is made ready, and ended by the kernel's thread, which comes first.
    let pending = ask(service.take()?)?;
    kill(sip, system)?;
    if pending() != Err(Closed) {
        return Err(Trouble::Wrong("a service that is gone has answered"));
    }
    ask(service.take()?)?()?;
    rt::log!("fact went_on service={name}");
    Ok(())
}

/// The number of the SIP that is `name` now.
fn number(name: &str, system: &mut Reconnecting<System>) -> Result<u32, Trouble> {
    let processes = system.request(|system| {
        let ClientListing::ProcessList { processes, next } = system.processes().receive()?;
        Ok((next, processes))
    })?;
    let found = processes.iter().find(|process| process.name.as_str() == name);
    Ok(found.ok_or(Trouble::Wrong("a service does not run"))?.id)
}

fn kill(sip: u32, system: &mut Reconnecting<System>) -> Result<(), Trouble> {
    let killed = system.request(|system| {
        Ok(match system.kill(sip).receive()? {
            ClientKilling::Killed { next } => (next, true),
            ClientKilling::NoSuchProcess { next } => (next, false),
        })
    })?;
    if killed { Ok(()) } else { Err(Trouble::Wrong("a service ended by itself")) }
}

/// Has the supervisor start a process that fails, twice, and one that never ends.
fn be_served(supervisor: &mut Reconnecting<Supervisor>) -> Result<(), Trouble> {
    let (_, life) = start(supervisor, "faulty", "panic on purpose")?;
    let mut life = life;
    for round in 0..2 {
        let ClientLiving::Failed { message, restarts, fault, next, .. } = life.receive()? else {
            return Err(Trouble::Wrong("a process that panicked has not failed"));
        };
        let recorded = fault != 0 && message.starts_with("on purpose");
        rt::log!("fact failed recorded={recorded} restarts={restarts}");
        if round == 1 {
            next.give_up();
            break;
        }
        let ClientRestarting::Restarted { next } = next.restart(1_000_000).receive()? else {
            return Err(Trouble::Wrong("a process cannot be started again"));
        };
        life = next;
    }
    let (child, life) = start(supervisor, "spinner", "")?;
    let children = supervisor.request(|supervisor| {
        let ClientChildren::Children { children, next } = supervisor.list().receive()?;
        Ok((next, children.len()))
    })?;
    let stopped = supervisor.request(|supervisor| {
        Ok(match supervisor.stop(child).receive()? {
            ClientStopping::Stopped { next } => (next, true),
            ClientStopping::Unknown { next } => (next, false),
        })
    })?;
    let finished = matches!(life.receive(), Ok(ClientLiving::Finished));
    rt::log!("fact stopped children={children} stopped={stopped} finished={finished}");
    Ok(())
}

fn start(
    supervisor: &mut Reconnecting<Supervisor>,
    name: &str,
    argument: &str,
) -> Result<(u32, LifeClient<Living>), Trouble> {
    let (life, server) = Life::channel()?;
    match supervisor.take()?.start(Name::truncated(name), Text::truncated(argument), server).receive()? {
        ClientStarting::Started { child, next } => {
            supervisor.put(next);
            Ok((child, life))
        }
        ClientStarting::Refused { .. } => Err(Trouble::Wrong("a process was refused")),
    }
}
