//! Deadlines. The clock shows how often a thread has looked at it.

use core::time::Duration;

use contracts::{Contract, EndpointSet, Instant, ReceiveByError, select};
use loom::thread;

use crate::channels::{Talk, answer, talk};
use crate::model::check;

#[test]
fn at_a_deadline_there_is_the_message_or_the_endpoint_which_still_works() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let answering = thread::spawn(move || drop(answer(server)));
        let received = match client.ask(1).receive_by(Instant::from_nanos(3)) {
            Err(ReceiveByError::TimedOut(client)) => client.receive().unwrap(),
            Err(_) => panic!("the server answers"),
            Ok(received) => received,
        };
        let talk::ClientAsked::Answer { value: 11, next } = received else { panic!("an answer") };
        assert!(next.ask(2).receive().is_err(), "then it has closed");
        answering.join().unwrap();
    });
}

#[test]
fn a_wait_ends_at_its_deadline_though_nothing_comes() {
    check(2, || {
        let deadline = Instant::from_nanos(3);
        let (client, server) = Talk::channel().unwrap();
        let Err(ReceiveByError::TimedOut(client)) = client.ask(1).receive_by(deadline) else {
            panic!("late")
        };
        let mut waiting = EndpointSet::new().unwrap();
        waiting.insert(client, ());
        assert!(waiting.receive_by(deadline + Duration::from_nanos(3)).is_none());
        drop(answer(server));
        assert!(waiting.receive().received.is_ok());
    });
}

#[test]
fn a_set_misses_nothing_at_a_deadline() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let asking = thread::spawn(move || drop(client.ask(1)));
        let mut clients = EndpointSet::new().unwrap();
        clients.insert(server, ());
        let event = clients.receive_by(Instant::from_nanos(3)).unwrap_or_else(|| clients.receive());
        let Ok(talk::ServerIdle::Ask { value: 1, next }) = event.received else { panic!("a question") };
        assert!(next.answer(11).receive().is_err());
        asking.join().unwrap();
    });
}

#[test]
fn a_selection_misses_nothing_at_a_deadline() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let answering = thread::spawn(move || drop(answer(server)));
        let client = client.ask(1);
        let received = select! {
            received = client => received,
            after Instant::from_nanos(3) => client.receive(),
        };
        assert!(matches!(received, Ok(talk::ClientAsked::Answer { value: 11, .. })));
        answering.join().unwrap();
    });
}
