//! Streams: a sender that waits for room, and a receiver that gives credit.

use contracts::{Closed, Contract, EndpointSet, ExBox};
use loom::thread;

use crate::model::check;

/// Blocks, one at a time.
#[derive(Contract)]
#[contract(start = Open)]
enum Narrow {
    #[client(Open => Open, window = 1)]
    Item { block: ExBox<u32> },
    #[client(Open => Adding)]
    Done,
    #[server(Adding => End)]
    Sum { sum: u32 },
}

/// Numbers, with credit for two at a time.
#[derive(Contract)]
#[contract(start = Open)]
enum Wide {
    #[client(Open => Open, window = 8)]
    Item { value: u32 },
}

fn item(value: u32) -> ExBox<u32> {
    ExBox::new(value).unwrap()
}

/// Sends the numbers from 1 to `last`, and asks for their sum.
fn send(client: narrow::Client<narrow::Open>, last: u32) {
    let client = (1..=last).fold(client, |client, value| client.item(item(value)).unwrap());
    let Ok(narrow::ClientAdding::Sum { sum }) = client.done().receive() else { panic!("a sum") };
    assert_eq!(sum, last * (last + 1) / 2);
}

/// Adds what comes to `sum`, and says what that makes.
fn add(mut server: narrow::Server<narrow::Open>, mut sum: u32) {
    loop {
        match server.receive() {
            Ok(narrow::ServerOpen::Item { block, next }) => {
                sum += *block;
                server = next;
            }
            Ok(narrow::ServerOpen::Done { next }) => return next.sum(sum),
            Err(Closed) => panic!("the client says when it is done"),
        }
    }
}

#[test]
fn a_sender_waits_until_there_is_room_and_goes_on() {
    check(2, || {
        let (client, server) = Narrow::channel().unwrap();
        let adding = thread::spawn(move || add(server, 0));
        send(client, 3);
        adding.join().unwrap();
    });
}

#[test]
fn credit_in_batches_keeps_the_sender_going_and_no_slot_is_overwritten() {
    check(2, || {
        let (client, mut server) = Wide::channel().unwrap();
        let client = (0..7).fold(client, |client, value| client.item(value).unwrap());
        let sending = thread::spawn(move || {
            drop((7..11).fold(client, |client, value| client.item(value).unwrap()));
        });
        for expected in 0..11 {
            let Ok(wide::ServerOpen::Item { value, next }) = server.receive() else { panic!("an item") };
            assert_eq!(value, expected);
            server = next;
        }
        assert!(matches!(server.receive(), Err(Closed)));
        sending.join().unwrap();
    });
}

#[test]
fn a_sender_that_waits_learns_of_the_close_and_gets_its_message_back() {
    check(3, || {
        let (client, server) = Narrow::channel().unwrap();
        let receiving = thread::spawn(move || {
            let Ok(narrow::ServerOpen::Item { .. }) = server.receive() else { panic!("an item") };
        });
        let sent = (1..=3).try_fold(client, |client, value| client.item(item(value)));
        // The first was received, so there was room for the second.
        let Err(unsent) = sent else { panic!("nobody receives the third") };
        assert_eq!(*unsent.0.block, 3);
        receiving.join().unwrap();
    });
}

#[test]
fn a_member_that_sends_twice_before_it_is_served_is_listed_once() {
    check(2, || {
        let (client, server) = Wide::channel().unwrap();
        let mut set = EndpointSet::new().unwrap();
        set.insert(server, ());
        let sending = thread::spawn(move || {
            drop((0..2).fold(client, |client, value| client.item(value).unwrap()));
        });
        for expected in 0..2 {
            let Ok(wide::ServerOpen::Item { value, next }) = set.receive().received else {
                panic!("an item")
            };
            assert_eq!(value, expected);
            set.insert(next, ());
        }
        assert!(matches!(set.receive().received, Err(Closed)));
        sending.join().unwrap();
        assert!(set.try_receive().is_none());
    });
}

#[test]
fn a_member_of_a_set_streams_on_while_it_leaves_and_joins() {
    check(2, || {
        let (client, server) = Narrow::channel().unwrap();
        let sending = thread::spawn(move || send(client, 2));
        let mut set = EndpointSet::new().unwrap();
        set.insert(server, 0);
        loop {
            let event = set.receive();
            match event.received {
                Ok(narrow::ServerOpen::Item { block, next }) => set.insert(next, event.data + *block),
                Ok(narrow::ServerOpen::Done { next }) => break next.sum(event.data),
                Err(Closed) => panic!("the client says when it is done"),
            }
        }
        sending.join().unwrap();
    });
}
