//! What the contract language promises, between processes of the running system.
//!
//! The examiner tries each promise out, with the help of the porter and the assistant, and reports what it found. One run
//! for all tests, its instructions counted by QEMU.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::run::Finished;
use tests::{facts, system_of};

const LIMIT: Duration = Duration::from_secs(120);

fn run() -> &'static Finished {
    static RUN: OnceLock<Finished> = OnceLock::new();
    RUN.get_or_init(|| {
        let system = system_of(&["directory", "pong", "assistant", "porter", "examiner"]).memory_mib(256);
        system.icount(0).run(LIMIT).expect("the machine runs")
    })
}

/// The examiner made each of these checks, once, and found what it should.
fn found(checks: &[&str]) {
    for check in checks {
        let reports = facts(&run().log, "check");
        let mut passed = reports.iter().filter(|report| report.text("name") == *check);
        let report = passed.next().unwrap_or_else(|| panic!("{check} was not reached: {}", run().log));
        assert!(report.get::<bool>("passed"), "{check}: {}", run().log);
        assert_eq!(passed.next(), None, "{check} is the name of one check");
    }
}

#[test]
fn every_check_of_the_examiner_passes() {
    assert_eq!(run().outcome, Outcome::Success, "{}\n{}", run().text(), run().log);
    let reports = facts(&run().log, "check");
    assert!(reports.iter().all(|report| report.get("passed")), "{}", run().log);
    assert!(!reports.is_empty());
}

#[test]
fn a_stream_brings_every_message_in_order_and_wakes_its_sender_for_batches_only() {
    found(&["stream_in_order", "stream_sends_mixed"]);
    let [stream] = &facts(&run().log, "stream")[..] else { panic!("{}", run().log) };
    let (messages, hand_offs) = (stream.get::<u64>("messages"), stream.get::<u64>("hand_offs"));
    println!("{messages} messages of a stream: {hand_offs} hand-offs");
    // A batch is a quarter of the window of 64; for each the receiver and the sender may be switched to once.
    assert!(hand_offs <= messages / 16 * 2, "{stream}");
}

#[test]
fn a_send_that_does_not_wait_finds_the_window_full_at_exactly_its_size() {
    found(&["stream_full_at_its_window", "extension_two_windows"]);
}

#[test]
fn credit_comes_in_batches_and_for_all_that_was_taken_when_nothing_is_left() {
    found(&["stream_credit_in_batches"]);
}

#[test]
fn a_sender_that_waits_for_room_is_woken_when_there_is_some() {
    found(&["stream_sender_woken"]);
}

#[test]
fn a_sender_that_waits_for_room_has_its_message_back_when_the_peer_closes() {
    found(&["stream_closed_while_waiting", "stream_closed_while_not_waiting"]);
}

#[test]
fn a_server_of_an_extension_serves_clients_of_the_base_and_its_own_from_one_set() {
    found(&[
        "extension_serves_a_base_client_of_a_manifest",
        "extension_serves_a_base_client_of_the_directory",
        "extension_serves_its_own_client",
        "extension_serves_both_at_once",
    ]);
}

#[test]
fn the_directory_refuses_a_client_of_an_extension_to_a_server_of_the_base() {
    found(&["extension_not_served_by_the_base"]);
}

#[test]
fn an_endpoint_keeps_its_place_in_a_message_in_a_struct_and_in_a_block() {
    found(&["delegation_keeps_its_place"]);
}

#[test]
fn an_endpoint_in_a_block_that_nobody_receives_is_closed() {
    found(&["delegation_abandoned_in_flight"]);
}

#[test]
fn a_session_can_be_handed_to_a_worker_after_its_first_message() {
    found(&["sessions_handed_to_a_worker"]);
}

#[test]
fn a_server_can_speak_first() {
    found(&["server_speaks_first"]);
}

#[test]
fn a_receive_with_a_deadline_gives_the_endpoint_back_or_brings_what_came() {
    found(&[
        "deadline_gives_the_endpoint_back",
        "deadline_not_waited_for",
        "deadline_and_a_close",
        "deadline_of_a_set",
    ]);
}

#[test]
fn a_receive_that_does_not_wait_gives_the_endpoint_back() {
    found(&["receive_without_waiting"]);
}

#[test]
fn select_runs_the_arm_of_the_endpoint_that_has_a_message_or_a_close_and_leaves_the_others() {
    found(&["select_unlike_endpoints", "select_waits", "select_until_a_deadline"]);
}

#[test]
fn select_takes_endpoints_that_are_both_ready_in_turn() {
    found(&["select_in_turn"]);
}

/// Claim: the instructions of a message do not depend on how many members its set has. Taking the list of ready members
/// is shared by all that were ready, which makes a difference of an instruction or two.
fn does_not_depend_on_the_members(few: u64, many: u64) -> Result<(), String> {
    if few.abs_diff(many) <= 3 {
        Ok(())
    } else {
        Err(format!("{few} instructions among few members, {many} among many"))
    }
}

#[test]
fn a_message_costs_the_same_in_a_set_of_ten_and_in_a_set_of_ten_thousand() {
    found(&["crowd_here", "crowd_there"]);
    let crowds = facts(&run().log, "crowd");
    let ticks = |place: &str, ready: &str, members: u64| {
        let mut found = crowds.iter().filter(|crowd| {
            (crowd.text("place"), crowd.text("ready"), crowd.get("members"))
                == (place.into(), ready.into(), members)
        });
        found.next().map(|crowd| crowd.get::<u64>("ticks")).expect("it was measured")
    };
    for (place, ready) in [("here", "one"), ("here", "all"), ("there", "one")] {
        let (few, many) = (ticks(place, ready, 10), ticks(place, ready, 10_000));
        println!("{place}, {ready} ready: {few} instructions among 10, {many} among 10,000");
        does_not_depend_on_the_members(few, many)
            .unwrap_or_else(|depends| panic!("{place}, {ready}: {depends}"));
    }
}

#[test]
fn ten_thousand_members_that_always_have_something_to_say_are_served_in_turn() {
    found(&["crowd_served_in_turn"]);
}
