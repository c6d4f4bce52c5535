//! Every interleaving of a few steps, and every order in which their effects can become visible, by loom: what the ring,
//! the close and the sets promise holds in all of them, and a mistake in any of them is found.
//!
//! The code under test is a copy of the library's with loom's atomics in place of the processor's (see [`model`]): the
//! layouts that the library shares with the kernel have no room for loom's. So this proves the algorithm, and a change to
//! one has to be made to the other.

mod model;

use std::env;
use std::process::Command;

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;
use model::{Channel, Closed, Mistake};

const CLIENT: usize = 0;
const SERVER: usize = 1;

/// Runs a scenario in every interleaving with up to three preemptions.
fn check(scenario: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 10_000;
    builder.check(scenario);
}

/// Names the mistake that a process started by [`is_found`] is to make.
const MAKE: &str = "INTERLEAVINGS_MISTAKE";

/// In a process of its own: loom cannot always unwind from what it has found.
fn is_found(mistake: Mistake) {
    let child = Command::new(env::current_exe().expect("this test is a file"))
        .args(["--exact", "a_mistake_asked_for", "--nocapture"])
        .env(MAKE, format!("{mistake:?}"))
        .output()
        .expect("this test can be run again");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(!child.status.success(), "{mistake:?} goes unnoticed");
    assert!(said.contains("panicked"), "{mistake:?}: {said}");
}

/// Does nothing unless [`is_found`] asks.
#[test]
fn a_mistake_asked_for() {
    let Ok(asked) = env::var(MAKE) else { return };
    for (mistake, scenario) in MISTAKES {
        if asked == format!("{mistake:?}") {
            check(move || scenario(mistake));
        }
    }
}

/// Each mistake, and the scenario that finds it.
const MISTAKES: [(Mistake, fn(Mistake)); 8] = [
    (Mistake::RelaxedHead, send_and_close),
    (Mistake::NotifyBeforePublish, round_trips),
    (Mistake::NoSenderFence, send_and_close),
    (Mistake::NoSleeperFence, send_and_close),
    (Mistake::ClosedAfterHead, send_and_close),
    (Mistake::CloseUnguarded, send_and_close),
    (Mistake::JoinWithoutLook, join_while_the_peer_sends),
    (Mistake::ListWithoutMembership, leave_while_the_peer_sends),
];

/// Messages, then a close; the receiver sleeps whenever it finds nothing.
fn send_and_close(mistake: Mistake) {
    let channel = Channel::new(mistake);
    let sender = Arc::clone(&channel);
    let sending = thread::spawn(move || {
        sender.send(CLIENT, 1);
        sender.send(CLIENT, 2);
        sender.close(CLIENT);
    });
    assert_eq!(channel.receive(SERVER, 0), Ok(1));
    assert_eq!(channel.receive(SERVER, 0), Ok(2));
    assert_eq!(channel.receive(SERVER, 0), Err(Closed));
    channel.close(SERVER);
    sending.join().unwrap();
    assert_eq!(*channel.drained.lock().unwrap(), Some(0));
}

/// A question, an answer, and a question in the slot of the first but one.
fn round_trips(mistake: Mistake) {
    let channel = Channel::new(mistake);
    let server = Arc::clone(&channel);
    let serving = thread::spawn(move || {
        for _ in 0..3 {
            let question = server.receive(SERVER, 1).unwrap();
            server.send(SERVER, question + 10);
        }
    });
    for question in 0..3 {
        channel.send(CLIENT, question);
        assert_eq!(channel.receive(CLIENT, 0), Ok(question + 10));
    }
    serving.join().unwrap();
}

/// Both close at once, with messages in flight both ways.
fn close_both(mistake: Mistake) {
    let channel = Channel::new(mistake);
    channel.send(CLIENT, 1);
    channel.send(SERVER, 2);
    let other = Arc::clone(&channel);
    let closing = thread::spawn(move || {
        other.send(CLIENT, 4);
        other.close(CLIENT);
    });
    channel.close(SERVER);
    closing.join().unwrap();
    assert_eq!(*channel.drained.lock().unwrap(), Some(7), "whatever was undelivered is drained once");
}

/// An end joins a set while its peer sends and closes.
fn join_while_the_peer_sends(mistake: Mistake) {
    let channel = Channel::new(mistake);
    let sender = Arc::clone(&channel);
    let sending = thread::spawn(move || sender.send(CLIENT, 1));
    channel.join_set(SERVER);
    assert_eq!(channel.wait_set(), 1 << SERVER);
    channel.leave_set(SERVER);
    assert_eq!(channel.poll(SERVER), Ok(Some(1)));
    sending.join().unwrap();
}

/// An end leaves a set while its peer sends.
fn leave_while_the_peer_sends(mistake: Mistake) {
    let channel = Channel::new(mistake);
    channel.join_set(SERVER);
    let sender = Arc::clone(&channel);
    let sending = thread::spawn(move || sender.send(CLIENT, 1));
    channel.leave_set(SERVER);
    channel.has_left();
    assert_eq!(channel.receive(SERVER, 0), Ok(1));
    sending.join().unwrap();
}

/// The client's end travels over another channel, asks there, and waits there, while the server waits and answers.
fn transfer(mistake: Mistake) {
    let (traveller, carrier) = (Channel::new(mistake), Channel::new(mistake));
    let (server, first) = (Arc::clone(&traveller), Arc::clone(&carrier));
    let serving = thread::spawn(move || {
        let question = server.receive(SERVER, 1).unwrap();
        server.send(SERVER, question + 1);
        server.close(SERVER);
    });
    let sending = thread::spawn(move || {
        // The message stands for the end: whoever receives it has the end from then on.
        first.send(CLIENT, 1);
        first.close(CLIENT);
    });
    assert_eq!(carrier.receive(SERVER, 0), Ok(1));
    traveller.send(CLIENT, 5);
    assert_eq!(traveller.receive(CLIENT, 0), Ok(6));
    assert_eq!(traveller.receive(CLIENT, 0), Err(Closed));
    sending.join().unwrap();
    serving.join().unwrap();
}

#[test]
fn all_that_was_sent_is_received_and_then_the_close() {
    check(|| send_and_close(Mistake::None));
}

#[test]
fn questions_and_answers_use_the_slots_again_and_nobody_sleeps_for_ever() {
    check(|| round_trips(Mistake::None));
}

#[test]
fn a_close_from_both_sides_drains_and_frees_once() {
    check(|| close_both(Mistake::None));
}

#[test]
fn a_member_of_a_set_is_listed_whether_it_joined_before_or_after_the_message() {
    check(|| join_while_the_peer_sends(Mistake::None));
}

#[test]
fn an_end_that_has_left_its_set_is_not_listed_and_still_receives() {
    check(|| leave_while_the_peer_sends(Mistake::None));
}

#[test]
fn an_end_can_move_while_its_peer_receives_and_sends() {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 10_000;
    builder.check(|| transfer(Mistake::None));
}

#[test]
fn every_mistake_is_found() {
    MISTAKES.into_iter().for_each(|(mistake, _)| is_found(mistake));
}
