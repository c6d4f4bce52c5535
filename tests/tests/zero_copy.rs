//! The proof that transfer copies nothing, in the running system: between processes in the kernel's space at all, and of
//! blocks of whole pages wherever the processes run.
//!
//! Each claim is a function from what was measured to a complaint. The test applies it to the system, and to a control
//! that copies on purpose, about which it must complain.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::system::System;
use kernel::memory::layout::{DOMAIN_BLOCKS, EXCHANGE_HEAP, USER_END};
use tests::{Fact, PLACEMENTS, Placement, facts, system_of};

const LIMIT: Duration = Duration::from_secs(120);

/// The log of a run that succeeds.
fn log_of(system: &System) -> String {
    let run = system.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "console: {}\nlog:\n{}", run.text(), run.log);
    run.log
}

/// The log of a run in each pair of placements.
fn in_each_placement(run: impl Fn(Placement) -> String) -> Vec<(Placement, String)> {
    PLACEMENTS.into_iter().map(|placement| (placement, run(placement))).collect()
}

/// Blocks of many sizes that went origin -> relay -> sink -> origin, then all that fits into 128 MiB. The origin is the first
/// program, the two others are the second. One run each for all tests.
fn line() -> &'static [(Placement, String)] {
    static LOGS: OnceLock<Vec<(Placement, String)>> = OnceLock::new();
    LOGS.get_or_init(|| {
        in_each_placement(|placement| {
            let system = system_of(&["sink", "relay", "origin"]).memory_mib(128);
            log_of(&placement.place(system, &["origin"], &["sink", "relay"]))
        })
    })
}

/// What was seen of each block sent with this handling: its size, and one fact for each stop.
fn journeys(log: &str, handling: &str) -> BTreeMap<u64, Vec<Fact>> {
    let mut journeys: BTreeMap<u64, Vec<Fact>> = BTreeMap::new();
    for fact in facts(log, "stop") {
        if fact.text("handling") == handling {
            journeys.entry(fact.get("size")).or_default().push(fact);
        }
    }
    journeys
}

/// Where in the exchange heap a block lies that somebody sees at this address. In the kernel's space all see it at one
/// address, and so do all domains at another.
fn place(stop: &Fact) -> u64 {
    match stop.get::<u64>("address") {
        address if address < USER_END => address - DOMAIN_BLOCKS,
        address => address - EXCHANGE_HEAP,
    }
}

/// Claim: at each stop the block lies at the same virtual and the same physical addresses.
fn stays_in_place(stops: &[Fact]) -> Result<(), String> {
    for stop in stops {
        let is_moved = ["physical", "frames"].iter().any(|what| stop.text(what) != stops[0].text(what));
        if is_moved || place(stop) != place(&stops[0]) {
            return Err(format!("it moved: {stop}, before: {}", stops[0]));
        }
    }
    Ok(())
}

/// The largest block that does not have whole pages for itself. A block that a domain makes always has.
const LARGEST_THAT_SHARES_A_PAGE: u64 = 2048;

/// How many bytes of a block are copied on its way down the line: those of a small one that enters a domain.
fn is_copied(placement: Placement, size: u64) -> bool {
    !placement.first && placement.second && size <= LARGEST_THAT_SHARES_A_PAGE
}

#[test]
fn a_block_has_the_same_virtual_and_physical_address_in_three_processes() {
    for (placement, log) in line() {
        let journeys = journeys(log, "Move");
        let sizes: Vec<u64> = journeys.keys().copied().collect();
        let powers: Vec<u64> = (0..=24).map(|exponent| 1 << exponent).collect();
        assert!(powers.iter().all(|size| sizes.contains(size)), "{sizes:?}");
        assert!(sizes.iter().filter(|size| !size.is_power_of_two()).count() >= 15, "{sizes:?}");
        for (size, stops) in journeys {
            let sips: Vec<u64> = stops.iter().map(|stop| stop.get("sip")).collect();
            assert_eq!(sips, [3, 2, 1, 3], "a block of {size} bytes goes down the line and back");
            assert!(stops.iter().all(|stop| stop.get::<u64>("physical") != u64::MAX), "the block is mapped");
            let in_domain = [placement.first, placement.second, placement.second, placement.first];
            for (stop, in_domain) in stops.iter().zip(in_domain) {
                assert_eq!(stop.get::<u64>("address") < USER_END, in_domain, "{placement:?}: {stop}");
            }
            if is_copied(*placement, size) {
                assert!(
                    stays_in_place(&stops).is_err(),
                    "{placement:?}: {size} bytes are copied on their way in"
                );
                stays_in_place(&stops[1..])
                    .unwrap_or_else(|moved| panic!("{placement:?}, {size} bytes: {moved}"));
            } else {
                stays_in_place(&stops).unwrap_or_else(|moved| panic!("{placement:?}, {size} bytes: {moved}"));
            }
            let contents: Vec<String> = stops.iter().map(|stop| stop.text("content")).collect();
            assert!(
                contents.iter().all(|content| *content == contents[0]),
                "{size} bytes arrive as they were"
            );
        }
    }
}

#[test]
fn a_copy_is_seen_to_lie_elsewhere() {
    for (placement, log) in line() {
        let journeys = journeys(log, "Copy");
        assert!(journeys.len() >= 4);
        for (size, stops) in journeys {
            assert!(
                stays_in_place(&stops).is_err(),
                "{placement:?}: a copy of {size} bytes lies in another place"
            );
        }
    }
}

/// Claim: sending copied so many bytes.
fn copies(send: &Fact, bytes: u64) -> Result<(), String> {
    match send.get::<u64>("copied") {
        copied if copied == bytes => Ok(()),
        copied => Err(format!("{copied} bytes were copied: {send}")),
    }
}

#[test]
fn the_counter_of_copied_bytes_does_not_move_over_a_send_and_moves_by_the_size_over_a_copy() {
    for (placement, log) in line() {
        let (moved, copied): (Vec<_>, Vec<_>) =
            facts(log, "send").into_iter().partition(|send| send.text("handling") == "Move");
        assert!(moved.len() >= 40 && copied.len() >= 4);
        for send in moved {
            let size = send.get::<u64>("size");
            let expected = if is_copied(*placement, size) { size } else { 0 };
            copies(&send, expected).unwrap_or_else(|copied| panic!("{placement:?}: {copied}"));
            if !placement.has_domain() {
                // Four sends: to the relay, to the sink, and back.
                assert_eq!(send.get::<u64>("moved"), 4 * size, "{send}");
            }
        }
        // What a domain copies itself is not counted.
        if !placement.second {
            for send in copied {
                let size = send.get::<u64>("size");
                // The relay's copy of a small block is copied again when it enters the domain that it goes back to.
                let expected =
                    if placement.first && size <= LARGEST_THAT_SHARES_A_PAGE { 2 * size } else { size };
                assert_eq!(send.get::<u64>("copied"), expected, "{placement:?}: {send}");
                assert!(copies(&send, 0).is_err(), "the claim does not hold of a copy");
            }
        }
    }
}

#[test]
fn sends_succeed_with_the_exchange_heap_exhausted() {
    for (placement, log) in line() {
        let [fact] = &facts(log, "exhausted")[..] else { panic!("the line reports once") };
        assert_eq!(fact.get::<u64>("left"), 0, "not even a byte was to be had");
        assert!(fact.get::<u64>("blocks") > 100, "{fact}");
        // What comes to a domain is mapped there, and for that there may be no memory.
        if !placement.second {
            assert_eq!(fact.get::<u64>("sent"), fact.get::<u64>("blocks"), "{placement:?}: {fact}");
        }
        // A domain gets a copy of what shares a page with others.
        let copied = if placement.second && !placement.first { fact.get("small") } else { 0 };
        assert_eq!(fact.get::<u64>("same") + copied, fact.get::<u64>("sent"), "{placement:?}: {fact}");
        assert_eq!(fact.get::<i64>("extra"), 0, "nothing is left behind: {fact}");
    }
}

/// Claim: the instructions of a round trip do not depend on the payload.
fn does_not_depend_on_the_payload(small: u64, large: u64) -> Result<(), String> {
    if small.abs_diff(large) * 20 <= small {
        Ok(())
    } else {
        Err(format!("{small} instructions for the small payload, {large} for the large one"))
    }
}

/// Instructions of a round trip by kind and size, counted by QEMU.
fn instructions() -> &'static BTreeMap<(String, u64), u64> {
    static COUNTS: OnceLock<BTreeMap<(String, u64), u64>> = OnceLock::new();
    COUNTS.get_or_init(|| {
        let log = log_of(&system_of(&["echo", "pong", "meter"]).icount(0));
        let rounds = facts(&log, "round").into_iter();
        let counts: BTreeMap<_, _> =
            rounds.map(|round| ((round.text("kind"), round.get("size")), round.get("ticks"))).collect();
        for ((kind, size), ticks) in &counts {
            println!("a round trip, {kind}, {size} bytes: {ticks} instructions");
        }
        counts
    })
}

fn instructions_of(kind: &str, size: u64) -> u64 {
    instructions()[&(kind.to_owned(), size)]
}

#[test]
fn the_instructions_of_a_round_trip_do_not_depend_on_the_payload() {
    let small = instructions_of("move", 8);
    for size in [1, 4096, 65_536, 1 << 20, 16 << 20] {
        does_not_depend_on_the_payload(small, instructions_of("move", size))
            .unwrap_or_else(|depends| panic!("{size} bytes: {depends}"));
    }
    let copies = (instructions_of("copy", 8), instructions_of("copy", 1 << 20));
    assert!(
        does_not_depend_on_the_payload(copies.0, copies.1).is_err(),
        "the claim does not hold of a system that copies"
    );
}

/// Instructions of a ping and a pong by direct hand-off, as measured; lower it when they get fewer. Of these, 22 mark the
/// steps that preemption must not come between.
const PING_PONG: u64 = 250;

#[test]
fn a_round_trip_by_hand_off_takes_no_more_instructions_than_it_did() {
    let now = instructions_of("ping", 8);
    assert!(now * 100 <= PING_PONG * 105, "{now} instructions, it was {PING_PONG}");
}

/// What is played in each placement: steps of the random run, and random sessions.
fn stakes(placement: Placement) -> (u64, u64) {
    if placement.has_domain() { (5_000, 20_000) } else { (50_000, 1_000_000) }
}

/// A random run with the ledger compared after each step, then random sessions: a million in the kernel's space, fewer
/// through the gate. The dealer is the first program. One run each for both tests.
fn table() -> &'static [(Placement, String)] {
    static LOGS: OnceLock<Vec<(Placement, String)>> = OnceLock::new();
    LOGS.get_or_init(|| {
        in_each_placement(|placement| {
            let (steps, sessions) = stakes(placement);
            // A block that is copied on its way is another to the ledger.
            let smallest = if placement.has_domain() { LARGEST_THAT_SHARES_A_PAGE + 1 } else { 0 };
            let distance = if placement.first { EXCHANGE_HEAP - DOMAIN_BLOCKS } else { 0 };
            let stakes = format!("steps={steps} sessions={sessions} smallest={smallest} distance={distance}");
            let system = system_of(&["archive", "north", "south", "dealer"]).entry("stakes", stakes);
            log_of(&placement.place(system, &["dealer"], &["north", "south"]))
        })
    })
}

#[test]
fn at_each_step_of_a_random_run_each_block_has_the_one_owner_it_should_have() {
    for (placement, log) in table() {
        // The dealer compares the whole ledger with what it knows, and fails if they differ.
        let [game] = &facts(log, "game")[..] else { panic!("the dealer reports once") };
        let (steps, _) = stakes(*placement);
        assert!(game.get::<u64>("comparisons") > steps, "{game}");
        for direction in ["to_server", "to_client"] {
            assert!(
                game.get::<u64>(direction) > steps / 50,
                "blocks were seen in queues: {placement:?}, {game}"
            );
        }
        assert!(game.get::<u64>("most_blocks") > 20, "{game}");
    }
}

#[test]
fn after_very_many_random_sessions_the_heap_is_back_where_it_was() {
    for (placement, log) in table() {
        let [before, after] = &facts(log, "heap")[..] else { panic!("the dealer reports twice") };
        let (_, sessions) = stakes(*placement);
        assert_eq!(after.get::<u64>("sessions"), sessions);
        for what in ["blocks", "bytes", "mapped", "free_frames", "kernel_heap", "channels", "copied"] {
            assert_eq!(after.text(what), before.text(what), "{what}, {placement:?}: {after}");
        }
        if !placement.has_domain() {
            let moved = after.get::<u64>("moved") - before.get::<u64>("moved");
            assert!(moved > sessions, "blocks travelled: {moved}");
        }
    }
}
