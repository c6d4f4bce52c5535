//! Channels.

use contracts::{Closed, Contract, ExBox};
use loom::thread;

use crate::model::check;

/// Two messages in a row, and an answer.
#[derive(Contract)]
#[contract(start = Idle)]
pub(crate) enum Talk {
    #[client(Idle => Asked)]
    Ask { value: u32 },
    #[client(Idle => Half)]
    First { value: u32 },
    #[client(Half => Asked)]
    Second { block: ExBox<u32> },
    #[server(Asked => Idle)]
    Answer { value: u32 },
    #[server(Asked => Idle)]
    Return { block: ExBox<u32> },
}

/// Carries clients of [`Talk`], and stays open.
#[derive(Contract)]
#[contract(start = Start)]
enum Send {
    #[client(Start => Sent)]
    Client { client: talk::Client<talk::Idle> },
    #[server(Sent => Start)]
    Thanks,
}

pub(crate) type Client<S> = talk::Client<S>;
pub(crate) type Server<S> = talk::Server<S>;

/// Carries an end of [`Talk`].
#[derive(Contract)]
#[contract(start = Start)]
enum Carry {
    #[client(Start => End)]
    Client { client: talk::Client<talk::Idle> },
    #[client(Start => End)]
    Server { server: talk::Server<talk::Asked> },
}

pub(crate) fn answer(server: Server<talk::Idle>) -> Server<talk::Idle> {
    let Ok(talk::ServerIdle::Ask { value, next }) = server.receive() else { panic!("a question") };
    next.answer(value + 10)
}

pub(crate) fn ask(client: Client<talk::Idle>, value: u32) -> Client<talk::Idle> {
    let Ok(talk::ClientAsked::Answer { value: answer, next }) = client.ask(value).receive() else {
        panic!("an answer")
    };
    assert_eq!(answer, value + 10);
    next
}

#[test]
fn all_that_was_sent_is_received_and_then_the_close() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let sending = thread::spawn(move || {
            drop(client.first(1).second(ExBox::new(2).unwrap()));
        });
        let Ok(talk::ServerIdle::First { value: 1, next }) = server.receive() else { panic!("the first") };
        let Ok(talk::ServerHalf::Second { block, next }) = next.receive() else { panic!("the second") };
        assert_eq!(*block, 2);
        assert!(matches!(next.answer(3).receive(), Err(Closed)));
        drop(block);
        sending.join().unwrap();
    });
}

#[test]
fn questions_and_answers_use_the_slots_again_and_nobody_sleeps_for_ever() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let serving = thread::spawn(move || drop(answer(answer(answer(server)))));
        drop(ask(ask(ask(client, 1), 2), 3));
        serving.join().unwrap();
    });
}

#[test]
fn a_close_from_both_sides_drains_and_frees_once() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let client = client.first(1);
        let closing = thread::spawn(move || drop(client.second(ExBox::new(2).unwrap())));
        drop(server);
        closing.join().unwrap();
    });
}

#[test]
fn a_close_drains_what_comes_back() {
    check(3, || {
        let (client, server) = Talk::channel().unwrap();
        let client = client.first(1).second(ExBox::new(2).unwrap());
        let serving = thread::spawn(move || {
            let Ok(talk::ServerIdle::First { next, .. }) = server.receive() else { panic!("the first") };
            let Ok(talk::ServerHalf::Second { block, next }) = next.receive() else { panic!("the second") };
            next.r#return(block)
        });
        drop(client);
        drop(serving.join().unwrap());
    });
}

#[test]
fn a_close_closes_the_ends_that_were_under_way() {
    check(2, || {
        let (client, server) = Talk::channel().unwrap();
        let (carry, carried) = Carry::channel().unwrap();
        let serving = thread::spawn(move || {
            assert!(matches!(server.receive(), Err(Closed)));
        });
        let closing = thread::spawn(move || drop(carried));
        carry.client(client);
        closing.join().unwrap();
        serving.join().unwrap();
    });
}

#[test]
fn an_end_sent_to_a_receiver_that_closes_is_closed_at_once() {
    check(2, || {
        let (client, server) = Talk::channel().unwrap();
        let (carrier, carried) = Send::channel().unwrap();
        let closing = thread::spawn(move || drop(carried));
        let carrier = carrier.client(client);
        closing.join().unwrap();
        assert!(matches!(server.receive(), Err(Closed)), "the carrier is still open");
        assert!(matches!(carrier.receive(), Err(Closed)));
    });
}

#[test]
fn a_client_can_move_while_its_server_waits_and_answers() {
    check(2, || {
        let (client, server) = Talk::channel().unwrap();
        let (carry, carried) = Carry::channel().unwrap();
        let serving = thread::spawn(move || drop(answer(server)));
        let sending = thread::spawn(move || carry.client(client));
        let Ok(carry::ServerStart::Client { client, .. }) = carried.receive() else { panic!("the client") };
        let client = ask(client, 5);
        assert!(matches!(client.ask(6).receive(), Err(Closed)));
        sending.join().unwrap();
        serving.join().unwrap();
    });
}

#[test]
fn a_server_can_move_while_its_client_waits() {
    check(2, || {
        let (client, server) = Talk::channel().unwrap();
        let (carry, carried) = Carry::channel().unwrap();
        let serving = thread::spawn(move || {
            let Ok(talk::ServerIdle::Ask { value: 5, next }) = server.receive() else { panic!("a question") };
            carry.server(next);
        });
        let working = thread::spawn(move || {
            let Ok(carry::ServerStart::Server { server, .. }) = carried.receive() else {
                panic!("the server")
            };
            drop(server.answer(15));
        });
        drop(ask(client, 5));
        working.join().unwrap();
        serving.join().unwrap();
    });
}
