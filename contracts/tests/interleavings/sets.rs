//! Sets and `select!`.

use contracts::{Closed, Contract, EndpointSet, select};
use loom::thread;

use crate::channels::{Client, Server, Talk, answer, ask, talk};
use crate::model::check;

type Clients = EndpointSet<Server<talk::Idle>, u32>;

fn set() -> Clients {
    EndpointSet::new().unwrap()
}

#[test]
fn a_member_is_served_whether_it_joined_before_or_after_the_message() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let asking = thread::spawn(move || drop(ask(client, 1)));
        let mut clients = set();
        clients.insert(server, 7);
        let event = clients.receive();
        assert_eq!(event.data, 7);
        let Ok(talk::ServerIdle::Ask { value: 1, next }) = event.received else { panic!("a question") };
        drop(next.answer(11));
        asking.join().unwrap();
    });
}

#[test]
fn two_members_are_served_and_their_closes_are_seen() {
    check(2, || {
        let mut clients = set();
        let asking = [0, 1].map(|number| {
            let (client, server) = Talk::channel().unwrap();
            clients.insert(server, number);
            thread::spawn(move || drop(ask(client, number)))
        });
        while !clients.is_empty() {
            let event = clients.receive();
            match event.received {
                Ok(talk::ServerIdle::Ask { value, next }) => {
                    assert_eq!(value, event.data);
                    clients.insert(next.answer(value + 10), value);
                }
                Ok(talk::ServerIdle::First { .. }) => panic!("nobody says that"),
                Err(Closed) => {}
            }
        }
        asking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_set_can_be_dropped_while_the_peers_of_its_members_send_and_close() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let asking = thread::spawn(move || drop(client.ask(1)));
        let mut clients = set();
        clients.insert(server, 0);
        drop(clients);
        asking.join().unwrap();
    });
}

#[test]
fn an_end_that_has_left_its_set_is_listed_no_more() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let asking = thread::spawn(move || drop(client.ask(1)));
        let mut clients = set();
        clients.insert(server, 0);
        drop(clients.receive());
        asking.join().unwrap();
        assert!(clients.try_receive().is_none());
    });
}

/// Two clients that have asked, and threads that answer them.
fn asked() -> ([Client<talk::Asked>; 2], [thread::JoinHandle<()>; 2]) {
    let pairs = [1, 2].map(|value| {
        let (client, server) = Talk::channel().unwrap();
        (client.ask(value), thread::spawn(move || drop(answer(server))))
    });
    let [(left, first), (right, second)] = pairs;
    ([left, right], [first, second])
}

#[test]
fn select_brings_what_comes_first_and_then_the_other() {
    check(2, || {
        let ([left, right], answering) = asked();
        let (one, rest) = select! {
            answer = left => (answered(answer), right),
            answer = right => (answered(answer), left),
        };
        let other = select! { answer = rest => answered(answer) };
        assert_eq!(one + other, 23);
        answering.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn an_endpoint_can_be_selected_again() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let answering = thread::spawn(move || drop(answer(answer(server))));
        let client = client.ask(1);
        let received = select! { answer = client => answer };
        let Ok(talk::ClientAsked::Answer { value: 11, next }) = received else { panic!("an answer") };
        let client = next.ask(2);
        assert_eq!(select! { answer = client => answered(answer) }, 12);
        answering.join().unwrap();
    });
}

fn answered(answer: Result<talk::ClientAsked, Closed>) -> u32 {
    match answer {
        Ok(talk::ClientAsked::Answer { value, .. }) => value,
        _ => panic!("an answer"),
    }
}
