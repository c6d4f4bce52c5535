//! A process that never waits slows nobody of a higher priority, shares the core with its equals, and keeps its registers.

use std::time::Duration;

use boot::qemu::Outcome;
use boot::system::System;
use boot::wiring::PROCESSES;
use tests::{PLACEMENTS, Placement, altered, facts, images, packed, system_of, whole_system};

const LIMIT: Duration = Duration::from_secs(120);

/// The system, which is the second program here, with the file of `spinner`, the first.
fn with_spinner(placement: Placement) -> System {
    let others: Vec<&str> = PROCESSES.iter().map(|process| process.name).collect();
    placement.place(whole_system().entry("sips/spinner", packed("spinner")), &["spinner"], &others)
}

#[test]
fn the_shell_answers_while_processes_spin() {
    PLACEMENTS.into_iter().for_each(answers);
}

fn answers(placement: Placement) {
    let mut guest = with_spinner(placement).start().expect("QEMU starts");
    guest.expect("entente> ", LIMIT).expect("the shell is there");
    for _ in 0..3 {
        guest.send(b"run spinner\n").expect("the terminal is there");
        // Ctrl-C, once the process runs: the shell stops waiting for it, and it goes on.
        std::thread::sleep(Duration::from_millis(300));
        guest.send(b"\x03").expect("the terminal is there");
        guest.expect("entente> ", LIMIT).expect("Ctrl-C comes through");
    }
    guest.send(b"ping 200\n").expect("the terminal is there");
    guest.expect("200 round trips", LIMIT).expect("others still talk");
    guest.send(b"sha256 boot/wiring\n").expect("the terminal is there");
    guest.expect("  boot/wiring", LIMIT).expect("files are still read");
    guest.send(b"ps\n").expect("the terminal is there");
    let list = guest.expect("shell", LIMIT).expect("the processes are listed");
    let list = String::from_utf8_lossy(&list).into_owned();
    guest.expect("spinner", LIMIT).expect("the spinners are listed");
    assert!(list.contains("ready"), "{list}");
    guest.send(b"shutdown\n").expect("the terminal is there");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    assert!(!run.log.contains("panicked"), "no spinner's registers were touched: {}", run.log);
    // Each of the three got its share: within a power of two, and the first had the core alone for a while.
    let rounds = |sip: u32| {
        let of = format!("({sip}): fact");
        let log: String = run.log.lines().filter(|line| line.contains(&of)).collect::<Vec<_>>().join("\n");
        facts(&log, "spin").last().map_or(0, |fact| fact.get::<u64>("rounds"))
    };
    let spinners: Vec<u32> = run
        .log
        .lines()
        .filter_map(|line| line.split_once("sip ")?.1.split_once(" (spinner) starts"))
        .map(|(number, _)| number.parse().expect("a number"))
        .collect();
    assert_eq!(spinners.len(), 3, "{}", run.log);
    for sip in spinners {
        assert!(rounds(sip) >= 16, "spinner {sip} had its turn: {}", run.log);
    }
}

#[test]
fn messages_and_blocks_stay_whole_while_their_processes_are_preempted() {
    let text: Vec<u8> =
        (0..3_000_000u32).flat_map(|i| (i * 7919).to_string().into_bytes()).take(4 << 20).collect();
    PLACEMENTS.into_iter().for_each(|placement| stay_whole(placement, &text));
}

fn stay_whole(placement: Placement, text: &[u8]) {
    let system = with_spinner(placement).entry("text", text);
    let mut guest = system.start().expect("QEMU starts");
    guest.expect("entente> ", LIMIT).expect("the shell is there");
    guest.send(b"run spinner\n").expect("the terminal is there");
    std::thread::sleep(Duration::from_millis(200));
    guest.send(b"\x03").expect("the terminal is there");
    guest.expect("entente> ", LIMIT).expect("Ctrl-C comes through");
    // Through the gate a message may wait for the spinner's turn to end.
    let rounds = if placement.second { 200 } else { 20_000 };
    let mut sums = Vec::new();
    for _ in 0..3 {
        guest.send(b"sha256 text\n").expect("the terminal is there");
        guest.expect("sha256 text\n", LIMIT).expect("the line is echoed");
        sums.push(guest.expect("  text", LIMIT).expect("the sum is printed"));
        guest.send(format!("ping {rounds}\n").as_bytes()).expect("the terminal is there");
        guest.expect(&format!("{rounds} round trips"), LIMIT).expect("the round trips are made");
    }
    guest.send(b"shutdown\n").expect("the terminal is there");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    assert!(!run.log.contains("panicked"), "{}", run.log);
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
}

#[test]
fn the_end_of_a_process_waits_for_nobody_of_lower_priority() {
    let with_priority =
        |name: &str, priority| altered(&images().sips[name], |manifest| manifest.priority = priority);
    let system = system_of(&["pong", "heir"])
        .entry("sips/toiler", packed("toiler"))
        .entry("sips/spinner", with_priority("spinner", 12))
        .entry("sips/urgent", with_priority("spinner", 15))
        .rewire(|wiring| wiring.on_demand.extend(["toiler", "spinner", "urgent"].map(str::to_owned)));
    let run = system.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    let [found] = &facts(&run.log, "inheritance")[..] else { panic!("it reports once: {}", run.log) };
    for held in ["held", "still_held"] {
        assert!(
            found.get::<u64>(held) > 1 << 20,
            "that of little priority is not given back meanwhile: {found}"
        );
    }
    assert_eq!(found.text("told"), "true", "who waits for an end is told of it: {found}");
    assert_eq!(found.text("closed"), "true", "a peer sees the channel close: {found}");
    assert_eq!(found.text("spinner"), "true", "{found}");
    assert_eq!(found.get::<u64>("left"), 0, "in the end all is given back: {found}");
}
