//! Waiting: with a deadline, on unlike endpoints, and on very many.

use std::thread;
use std::time::Duration;

use contracts::spec::count::{Count, count};
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, EndpointSet, Event, ExBox, Instant, ReceiveByError, select};

type Pong = ping_pong::Server<ping_pong::Idle>;

fn pair() -> (ping_pong::Client<ping_pong::Idle>, Pong) {
    PingPong::channel().expect("memory for a channel")
}

fn answer(server: Pong) -> Pong {
    let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() else {
        panic!("the client is there")
    };
    next.pong(value)
}

#[test]
fn a_receive_gives_the_endpoint_back_when_the_deadline_passes_and_it_still_works() {
    let (client, server) = pair();
    let start = Instant::now();
    let waiting = client.ping(7);
    let Err(ReceiveByError::TimedOut(waiting)) = waiting.receive_by(start + Duration::from_millis(20)) else {
        panic!("nobody has answered")
    };
    assert!(Instant::now() - start >= Duration::from_millis(20), "it waited for the whole time");
    let server = answer(server);
    let late = Instant::from_nanos(0);
    let Ok(ping_pong::ClientWaiting::Pong { value: 7, next }) = waiting.receive_by(late) else {
        panic!("what is there is received however late it is")
    };
    drop(server);
    assert!(matches!(next.ping(8).receive_by(late), Err(ReceiveByError::Closed)));
}

#[test]
fn a_message_that_comes_before_the_deadline_ends_the_wait() {
    let (client, server) = pair();
    let peer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        answer(server)
    });
    let received = client.ping(1).receive_by(Instant::now() + Duration::from_secs(60));
    assert!(matches!(received, Ok(ping_pong::ClientWaiting::Pong { value: 1, .. })));
    drop(peer.join());
}

#[test]
fn select_brings_the_message_of_the_endpoint_that_has_one_and_leaves_the_others() {
    let (ping, pong) = pair();
    let (counter, other) = Count::channel().expect("memory for a channel");
    let ping = ping.ping(1);
    let peer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5));
        let Ok(count::ServerIdle::Part { block, next, .. }) = other.receive() else {
            panic!("a part was sent")
        };
        drop(next.counted(block));
        pong
    });
    let counting = counter.part(ExBox::zeroed(8).expect("memory for a block"), 8);
    let rest = select! {
        received = ping => panic!("nobody has answered the ping: {received:?}"),
        received = counting => {
            assert!(matches!(received, Ok(count::ClientCounting::Counted { .. })));
            ping
        }
    };
    drop(peer.join());
    select! {
        received = rest => assert!(matches!(received, Err(Closed)), "each endpoint tells of its own close"),
    }
}

#[test]
fn select_runs_its_last_arm_when_the_deadline_passes() {
    let (ping, _pong) = pair();
    let ping = ping.ping(1);
    let start = Instant::now();
    let came = select! {
        _ = ping => true,
        after start + Duration::from_millis(10) => false,
    };
    assert!(!came);
    assert!(Instant::now() - start >= Duration::from_millis(10));
}

#[test]
fn select_takes_endpoints_that_are_both_ready_in_turn() {
    let ((a, pong_a), (b, pong_b)) = (pair(), pair());
    let (mut a, mut b) = (a.ping(0), b.ping(0));
    let (mut pong_a, mut pong_b) = (answer(pong_a), answer(pong_b));
    let mut taken = [0u32; 2];
    for round in 1..=100 {
        select! {
            received = a => {
                let Ok(ping_pong::ClientWaiting::Pong { next, .. }) = received else { panic!("the peer is there") };
                a = next.ping(round);
                pong_a = answer(pong_a);
                taken[0] += 1;
            }
            received = b => {
                let Ok(ping_pong::ClientWaiting::Pong { next, .. }) = received else { panic!("the peer is there") };
                b = next.ping(round);
                pong_b = answer(pong_b);
                taken[1] += 1;
            }
        }
    }
    assert_eq!(taken, [50, 50]);
}

/// A server's end that has something to receive.
fn asked() -> ping_pong::Server<ping_pong::Idle> {
    let (client, server) = pair();
    drop(client.ping(0));
    server
}

#[test]
fn selections_at_two_places_do_not_take_each_others_turns() {
    let mut taken = [0; 4];
    for _ in 0..100 {
        let (a, b, c, d) = (asked(), asked(), asked(), asked());
        select! {
            _ = a => taken[0] += 1,
            _ = b => taken[1] += 1,
        }
        // A block may have a comma behind it.
        select! {
            _ = c => { taken[2] += 1 },
            _ = d => { taken[3] += 1 },
            after Instant::now() => panic!("both are ready"),
        }
    }
    assert_eq!(taken, [50; 4]);
}

#[test]
fn a_set_of_ten_thousand_serves_each_ready_member_once_before_any_twice() {
    const MEMBERS: usize = 10_000;
    let mut set = EndpointSet::new().expect("memory for a set");
    let mut clients: Vec<Option<_>> = Vec::new();
    for number in 0..MEMBERS {
        let (client, server) = pair();
        set.insert(server, number);
        clients.push(Some(client.ping(number as u64)));
    }
    for round in 0..3 {
        let mut served = vec![false; MEMBERS];
        for _ in 0..MEMBERS {
            let Event { received, data } = set.try_receive().expect("every client has sent");
            let Ok(ping_pong::ServerIdle::Ping { value, next }) = received else {
                panic!("every client is there")
            };
            assert!(!std::mem::replace(&mut served[data], true), "member {data} twice in round {round}");
            set.insert(next.pong(value), data);
            // It has something to say again at once, and still waits for its turn.
            let waiting = clients[data].take().expect("every client waits");
            let Ok(ping_pong::ClientWaiting::Pong { next, .. }) = waiting.receive() else {
                panic!("it was answered")
            };
            clients[data] = Some(next.ping(value));
        }
    }
}

#[test]
fn a_set_gives_up_waiting_when_the_deadline_passes() {
    let (client, server) = pair();
    let mut set = EndpointSet::new().expect("memory for a set");
    set.insert(server, ());
    assert!(set.receive_by(Instant::now() + Duration::from_millis(5)).is_none());
    let _client = client.ping(3);
    assert!(set.receive_by(Instant::from_nanos(0)).is_some(), "what is there is received however late it is");
}
