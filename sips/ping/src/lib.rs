//! Measures how long round trips to a [`PingPong`] peer take.
#![no_std]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::ClientWaiting;
use contracts::spec::ping::pinger::{Idle, Server, ServerIdle};
use contracts::{Closed, EndpointSet};
use rt::reconnect::Reconnecting;

/// A point in time, by two clocks.
#[derive(Clone, Copy, Debug)]
pub struct Instant {
    /// Since the system started.
    pub time: Duration,
    /// Of the processor's time-stamp counter.
    pub ticks: u64,
}

/// Serves `clients` for ever; `pong` is whom it measures with.
pub fn serve(
    mut clients: EndpointSet<Server<Idle>>,
    mut pong: Reconnecting<PingPong>,
    now: impl Fn() -> Instant,
) -> ! {
    loop {
        let Ok(ServerIdle::Run { rounds, next }) = clients.receive().received else { continue };
        let start = now();
        let made = round_trips(&mut pong, rounds);
        let end = now();
        let client = if made == rounds {
            next.done((end.time - start.time).as_nanos() as u64, end.ticks.wrapping_sub(start.ticks))
        } else {
            next.gone(made)
        };
        clients.insert(client, ());
    }
}

/// Makes `rounds` round trips and says how many it made: fewer when the peer is gone. Its successor is for the next run.
fn round_trips(pong: &mut Reconnecting<PingPong>, rounds: u64) -> u64 {
    let Ok(mut peer) = pong.take() else { return 0 };
    for round in 0..rounds {
        peer = match peer.ping(round).receive() {
            Ok(ClientWaiting::Pong { next, .. }) => next,
            Err(Closed) => return round,
        };
    }
    pong.put(peer);
    rounds
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use contracts::Contract;
    use contracts::spec::ping::pinger::ClientRunning;
    use contracts::spec::ping::{Pinger, ping_pong};
    use core::cell::Cell;

    fn answer(mut peer: ping_pong::Server<ping_pong::Idle>, times: usize) {
        for _ in 0..times {
            let Ok(ping_pong::ServerIdle::Ping { value, next }) = peer.receive() else { return };
            peer = next.pong(value);
        }
    }

    #[test]
    fn it_says_what_the_round_trips_took_and_when_the_peer_is_gone() {
        let (client, server) = Pinger::channel().expect("memory");
        let (pong, peer) = PingPong::channel().expect("memory");
        std::thread::spawn(|| {
            let mut clients = EndpointSet::new().expect("memory");
            clients.insert(server, ());
            let calls = Cell::new(0);
            // It answers seven times, and its successor as often as one likes.
            let (again, next) = PingPong::channel().expect("memory");
            std::thread::spawn(|| answer(next, usize::MAX));
            let mut again = Some(again);
            let pong = Reconnecting::new("pong", pong, move || again.take());
            serve(clients, pong, || {
                calls.set(calls.get() + 1);
                Instant { time: Duration::from_nanos(calls.get()), ticks: calls.get() * 10 }
            })
        });
        std::thread::spawn(|| answer(peer, 7));
        let ClientRunning::Done { nanoseconds: 1, ticks: 10, next } =
            client.run(5).receive().expect("served")
        else {
            panic!("five round trips take from one look at the clock to the next")
        };
        let ClientRunning::Gone { rounds: 2, next } = next.run(5).receive().expect("served") else {
            panic!("the peer answers seven times")
        };
        assert!(matches!(next.run(5).receive(), Ok(ClientRunning::Done { .. })), "its successor answers");
    }
}
