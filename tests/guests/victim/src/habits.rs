//! What processes do that live for long.

use core::hint::black_box;
use core::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, EndpointSet, ExBox, Instant};
use trial::echo::{Echo, echo};
use trial::pose::Pose;
use trial::scenes::Stage;
use trial::trouble::Trouble;

/// Takes something of every kind and gives it back, so many times, and stops; twice.
pub(crate) fn churn(pose: &mut Pose, rounds: u64) -> Result<u64, Trouble> {
    let _end = pose.take()?;
    for _ in 0..2 {
        for _ in 0..rounds {
            turn_over()?;
        }
        pose.halt()?;
        pose.wait()?;
    }
    Ok(rounds)
}

/// Takes a channel, a set, blocks, a thread, and gives them back.
fn turn_over() -> Result<(), Trouble> {
    let (client, server) = Echo::channel()?;
    let waiting = client.there(ExBox::zeroed(5000)?);
    let mut set = EndpointSet::new()?;
    set.insert(server, ());
    let Ok(echo::ServerIdle::There { block, next }) = set.receive().received else {
        return Err(Trouble::Wrong("a message is not what was sent"));
    };
    drop(set);
    let server = next.back(block);
    let echo::ClientWaiting::Back { next: client, .. } = waiting.receive()?;
    drop((client, server));
    let (client, server) = PingPong::channel()?;
    rt::thread::spawn(|| answer_once(server)).map_err(|_| Trouble::Exhausted)?;
    let ping_pong::ClientWaiting::Pong { value, next: client } = client.ping(7).receive()?;
    if value != 7 {
        return Err(Trouble::Wrong("a message is not what was sent"));
    }
    match client.ping(8).receive() {
        Err(Closed) => Ok(()),
        Ok(_) => Err(Trouble::Wrong("nobody has answered")),
    }
}

/// Answers a message, and has gone when the next one comes.
fn answer_once(server: ping_pong::Server<ping_pong::Idle>) {
    if let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() {
        drop(next.pong(value).receive());
    }
}

/// Longer than anybody lets it.
const TOO_LONG: Duration = Duration::from_millis(300);

/// Computes until it is told to go, and gives the core to nobody of itself. How far it came.
pub(crate) fn spin(pose: &mut Pose) -> Result<u64, Trouble> {
    let _end = pose.take()?;
    pose.halt()?;
    let end = Instant::now() + TOO_LONG;
    let mut rounds = 0;
    while !pose.may_go_on()? {
        if Instant::now() >= end {
            return Err(Trouble::Wrong("it was left to compute for too long"));
        }
        for _ in 0..1000 {
            rounds = black_box(rounds + 1);
        }
    }
    Ok(rounds)
}
