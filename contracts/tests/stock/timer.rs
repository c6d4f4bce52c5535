use std::thread;
use std::time::Duration;

use contracts::spec::timer::alarm::{self, ClientArmed, Server as AlarmServer};
use contracts::spec::timer::timer::{
    self, Beating, Client, ClientBeating, ClientReading, ClientSetting, Ready, Server, ServerReady,
    ServerTicked, Ticked,
};
use contracts::spec::timer::{Alarm, Timer};
use contracts::{Closed, Either, EndpointSet, Instant, ReceiveByError, SendFirst};

use crate::pair;

const MILLISECOND: u64 = 1_000_000;
const MOST_ALARMS: usize = 3;

struct Beat {
    due: u64,
    period: u64,
    server: Server<Beating>,
}

/// Serves one client, and as many alarms and beats as are due; returns how many alarms were wanted no longer.
fn serve(server: Server<Ready>) -> usize {
    let mut clients =
        EndpointSet::<Either<Server<Ready>, Server<Ticked>>, (u64, u64)>::new().expect("memory");
    clients.insert(Either::This(server), (0, 0));
    let mut alarms: Vec<(u64, AlarmServer<alarm::Armed>)> = Vec::new();
    let mut beats: Vec<Beat> = Vec::new();
    let mut unwanted = 0;
    while !clients.is_empty() || !alarms.is_empty() || !beats.is_empty() {
        let now = Instant::now().as_nanos();
        for (at, alarm) in alarms.extract_if(.., |(at, _)| *at <= now) {
            match alarm.if_open() {
                Ok(alarm) => alarm.fired(now - at),
                Err(Closed) => unwanted += 1,
            }
        }
        for beat in beats.extract_if(.., |beat| beat.due <= now) {
            let missed = (now - beat.due) / beat.period;
            let due = beat.due + (missed + 1) * beat.period;
            clients.insert(Either::That(beat.server.tick(missed)), (due, beat.period));
        }
        let next = alarms.iter().map(|(at, _)| *at).chain(beats.iter().map(|beat| beat.due)).min();
        let event = match next {
            Some(at) => clients.receive_by(Instant::from_nanos(at)),
            None if clients.is_empty() => break,
            None => Some(clients.receive()),
        };
        let Some(event) = event else { continue };
        match (event.received, event.data) {
            (Ok(Either::This(request)), data) => {
                let next = match request {
                    ServerReady::Now { next } => next.time(now),
                    ServerReady::Set { at, alarm, next } if alarms.len() < MOST_ALARMS => {
                        alarms.push((at, alarm));
                        next.accepted()
                    }
                    ServerReady::Set { alarm, next, .. } => next.refused(alarm),
                    ServerReady::Beat { period, next } => {
                        let period = period.max(1);
                        beats.push(Beat { due: now + period, period, server: next });
                        continue;
                    }
                };
                clients.insert(Either::This(next), data);
            }
            (Ok(Either::That(ServerTicked::Next { next })), (due, period)) => {
                beats.push(Beat { due, period, server: next });
            }
            (Ok(Either::That(ServerTicked::Stop { next })), data) => clients.insert(Either::This(next), data),
            (Err(Closed), _) => {}
        }
    }
    unwanted
}

fn start() -> (Client<Ready>, thread::JoinHandle<usize>) {
    let (client, server) = pair::<Timer>();
    (client, thread::spawn(move || serve(server)))
}

fn set(client: Client<Ready>, at: u64) -> (alarm::Client<alarm::Armed>, Client<Ready>) {
    let (alarm, server) = pair::<Alarm>();
    match client.set(at, server).receive() {
        Ok(ClientSetting::Accepted { next }) => (alarm, next),
        other => panic!("{other:?}"),
    }
}

fn now(client: Client<Ready>) -> (u64, Client<Ready>) {
    let Ok(ClientReading::Time { nanoseconds, next }) = client.now().receive() else {
        panic!("the timer serves")
    };
    (nanoseconds, next)
}

#[test]
fn alarms_fire_in_the_order_of_their_times_and_not_before() {
    let (start_time, client) = now(start().0);
    let (late, client) = set(client, start_time + 30 * MILLISECOND);
    let (early, client) = set(client, start_time + 10 * MILLISECOND);
    let Ok(ClientArmed::Fired { .. }) = early.receive() else { panic!("the alarm fires") };
    let Err(ReceiveByError::TimedOut(late)) = late.receive_by(Instant::from_nanos(0)) else {
        panic!("the later alarm has not fired yet")
    };
    let Ok(ClientArmed::Fired { late: lateness }) = late.receive() else { panic!("the alarm fires") };
    let (end_time, client) = now(client);
    assert!(end_time >= start_time + 30 * MILLISECOND + lateness);
    let (past, _client) = set(client, 0);
    assert!(matches!(past.receive(), Ok(ClientArmed::Fired { .. })), "the past is at once");
}

#[test]
fn an_alarm_is_cancelled_by_dropping_it() {
    let (client, served) = start();
    let (time, client) = now(client);
    let (alarm, client) = set(client, time + 5 * MILLISECOND);
    drop(alarm);
    drop(client);
    assert_eq!(served.join().expect("no panic"), 1);
}

#[test]
fn an_alarm_too_many_comes_back() {
    let (mut client, _) = start();
    let mut held = Vec::new();
    for _ in 0..MOST_ALARMS {
        let (alarm, next) = set(client, u64::MAX);
        held.push(alarm);
        client = next;
    }
    let (alarm, server) = pair::<Alarm>();
    let Ok(ClientSetting::Refused { alarm: back, .. }) = client.set(7, server).receive() else {
        panic!("there are too many")
    };
    back.fired(0);
    assert!(matches!(alarm.receive(), Ok(ClientArmed::Fired { late: 0 })), "it still works");
    drop(held);
}

#[test]
fn a_beat_does_not_shift_and_counts_what_was_missed() {
    let (client, _) = start();
    let (start_time, client) = now(client);
    let mut beating: timer::Client<Beating> = client.beat(10 * MILLISECOND);
    let mut periods = 0;
    let client = loop {
        let Ok(ClientBeating::Tick { missed, next }) = beating.receive() else { panic!("the timer serves") };
        periods += missed + 1;
        if periods >= 6 {
            break next.stop();
        }
        if periods == 1 {
            thread::sleep(Duration::from_millis(25));
        }
        beating = next.next();
    };
    let (end_time, _client) = now(client);
    assert!(end_time >= start_time + periods * 10 * MILLISECOND, "{periods} periods");
}
