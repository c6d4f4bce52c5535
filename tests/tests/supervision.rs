//! A process can die at any moment and take nothing with it: it is started again, or given up, and all others go on.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::run::{Finished, Guest};
use boot::system::System;
use boot::wiring;
use tests::{PLACEMENTS, Placement, facts, packed, supervised_system, whole_system};

const LIMIT: Duration = Duration::from_secs(60);

fn succeeded(system: &System) -> Finished {
    let run = system.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    run
}

/// The number that a process of the system starts with.
fn sip(name: &str) -> usize {
    wiring::started().position(|process| process == name).expect("it is in the wiring") + 1
}

/// The places in a log of lines that end in these, one after the other.
fn in_order<'a>(log: &'a str, lines: &[&str]) -> Vec<&'a str> {
    let mut rest = log.lines();
    let find = |line: &&str| {
        rest.by_ref()
            .find(|found| found.ends_with(line))
            .unwrap_or_else(|| panic!("no line {line:?} in\n{log}"))
    };
    lines.iter().map(find).collect()
}

/// When a line of the log was written, in seconds after the start.
fn time(line: &str) -> f64 {
    let time = line.trim_start_matches(['[', ' ']).split(']').next().and_then(|time| time.parse().ok());
    time.unwrap_or_else(|| panic!("{line} begins with the time"))
}

/// `fragile`, which is the second program here, panics until it is given up, and `keeper`, the first, looks on. One run each for
/// all tests, at the same time: most of it is waiting.
fn keepers() -> &'static [(Placement, Finished)] {
    static RUNS: OnceLock<Vec<(Placement, Finished)>> = OnceLock::new();
    RUNS.get_or_init(|| {
        let run = |placement: Placement| {
            let system = supervised_system(&["fragile"], "keeper");
            succeeded(&placement.place(system, &["keeper"], &["fragile"]))
        };
        std::thread::scope(|scope| {
            let runs = PLACEMENTS.map(|placement| (placement, scope.spawn(move || run(placement))));
            runs.map(|(placement, run)| (placement, run.join().expect("it has run to its end"))).into()
        })
    })
}

#[test]
fn a_server_that_panics_is_started_again_ever_later_and_then_given_up() {
    keepers().iter().for_each(|(_, run)| is_started_again(run));
}

fn is_started_again(run: &Finished) {
    let how = "panicked: it was asked to, with 100000 bytes marked at tests/guests/fragile/src/main.rs:";
    let ended: Vec<&str> =
        run.log.lines().filter(|line| line.contains(&format!("(1): fragile {how}"))).collect();
    // What was recorded is told before it is started again.
    for (number, line) in (1..).zip(&ended) {
        assert!(line.contains(&format!(" (fault {number}); ")), "{line}");
    }
    let what: Vec<&str> = ended.iter().map(|line| line.rsplit("; ").next().expect("a part")).collect();
    let waits = ["20ms", "40ms", "50ms"].map(|wait| format!("it is started again in {wait}"));
    let given_up = "given up after 4 ends in 60s".to_owned();
    assert_eq!(what, [&waits[..], &[given_up]].concat());
    let again: Vec<&str> = run.log.lines().filter(|line| line.contains("fragile runs again, as ")).collect();
    assert_eq!(again.len(), 3, "{}", run.log);
    // The kernel's word of its end comes before all else.
    let kernel: Vec<&str> =
        run.log.lines().filter(|line| line.contains(&format!("(fragile) {how}"))).collect();
    for ((ended, again), wait) in kernel.iter().zip(again).zip([0.02, 0.04, 0.05]) {
        assert!(time(again) - time(ended) >= wait, "not before its time: {ended} {again}");
    }
    // The one at the terminal is told the same.
    assert_eq!(run.text().matches("entente: fragile panicked: it was asked to").count(), 4, "{}", run.text());
    assert_eq!(facts(&run.log, "given_up").len(), 1, "its client waited in vain");
}

#[test]
fn a_new_incarnation_has_nothing_of_the_one_before_and_its_clients_find_it() {
    keepers().iter().for_each(|(_, run)| is_new(run));
}

fn is_new(run: &Finished) {
    let incarnations = facts(&run.log, "incarnation");
    assert_eq!(incarnations.len(), 4, "{}", run.log);
    for (index, incarnation) in incarnations.iter().enumerate() {
        assert_eq!(incarnation.get::<u64>("first"), 0, "its statics are new: {incarnation}");
        assert_eq!(incarnation.get::<u64>("second"), 1, "and its own: {incarnation}");
        assert_eq!(incarnation.get::<u64>("left"), 0, "its heap is clean: {incarnation}");
        assert_eq!(incarnation.get::<u64>("owned"), 0, "nothing is owned by the one before: {incarnation}");
        assert!(incarnation.get::<bool>("closed"), "its client sees it go: {incarnation}");
        assert_eq!(incarnation.text("channels"), incarnations[0].text("channels"), "no channel is left");
        assert!(incarnations[..index].iter().all(|other| other.text("sip") != incarnation.text("sip")));
    }
}

#[test]
fn each_service_may_end_in_the_middle_of_a_request_and_the_next_is_answered() {
    let parts = ["directory", "console", "archive", "count", "digest", "pong", "ping"];
    for placement in PLACEMENTS {
        let mut system = supervised_system(&parts, "witness");
        for name in ["faulty", "spinner"] {
            system = system.entry(&format!("sips/{name}"), packed(name));
            system = system.rewire(|wiring| wiring.on_demand.push(name.into()));
        }
        let others = [&parts[..], &["supervisor"]].concat();
        let run = succeeded(&placement.place(system, &["witness"], &others));
        go_on(&run, parts);
    }
}

fn go_on(run: &Finished, parts: [&str; 7]) {
    let mut went_on: Vec<String> =
        facts(&run.log, "went_on").iter().map(|fact| fact.text("service")).collect();
    went_on.sort();
    let mut expected = parts.map(str::to_owned);
    expected.sort();
    assert_eq!(went_on, expected, "{}", run.log);
    // And the supervisor serves those who ask for processes of their own.
    let failed: Vec<String> = facts(&run.log, "failed").iter().map(ToString::to_string).collect();
    assert_eq!(failed, ["failed recorded=true restarts=0", "failed recorded=true restarts=1"]);
    let stopped: Vec<String> = facts(&run.log, "stopped").iter().map(ToString::to_string).collect();
    assert_eq!(stopped, ["stopped children=1 finished=true stopped=true"]);
}

#[test]
fn a_command_goes_on_with_whatever_was_ended_before_it() {
    let kill = |name| format!("kill {}; ", sip(name));
    let script = [
        kill("count") + "wc poem; ",
        kill("digest") + "sha256 poem; ",
        kill("archive") + "cat poem; ",
        kill("directory") + "services; ",
        kill("pong") + "ping 10; ",
        kill("ping") + "ping 10; ",
        kill("console") + "wc poem; ",
        "sha256 poem; ping 10; run hello".into(),
    ];
    let script = script.concat();
    let system = whole_system().entry("poem", &b"one\ntwo three\n"[..]).exec(&script);
    let run = succeeded(&system);
    let text = run.text();
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with("entente: ")).collect();
    let names = ["count", "digest", "archive", "directory", "pong", "ping", "console"];
    let expected: Vec<String> = (1..)
        .zip(names)
        .map(|(fault, name)| {
            format!("entente: {name} was killed (fault {fault}); it is started again in 100ms")
        })
        .collect();
    assert_eq!(said, expected, "{text}");
    assert_eq!(text.matches(" 2  3 14 poem\n").count(), 2, "{text}");
    assert_eq!(text.matches("  poem\n").count(), 2, "{text}");
    assert_eq!(text.matches("10 round trips in ").count(), 3, "{text}");
    assert!(text.contains("\none\ntwo three\n") && text.contains("Hello, world!\n"), "{text}");
    assert!(text.lines().any(|line| line.ends_with("  Directory   directory")), "{text}");
}

#[test]
fn processes_can_be_looked_at_ended_and_started_again_by_command() {
    let script = format!(
        "restart count; restart nobody; kill 999; tree; faults; fault 1; fault 99; top 2; kill {}",
        sip("pong")
    );
    let run = whole_system().exec(&script).run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Failure, "three commands are wrong");
    let text = run.text();
    let new = sip("shell") + 1;
    assert!(text.starts_with(&format!("count runs as {new}\n")), "{text}");
    assert!(text.contains("restart: nobody: it is not in the system's wiring\n"), "{text}");
    assert!(text.contains("kill: 999: no such process\n"), "{text}");
    assert!(text.contains("fault: 99: there is no record of such a fault\n"), "{text}");
    let line = |words: &str| {
        let same = |line: &&str| line.split_whitespace().eq(words.split_whitespace());
        let found = text.lines().find(same);
        found.unwrap_or_else(|| panic!("no line {words:?} in\n{text}"))
    };
    line(&format!("{new} count 1 runs"));
    line(&format!("{} console 0 runs", sip("console")));
    // The record of what was ended, and what it was doing.
    let listed = format!("  count ({})  was killed", sip("count"));
    assert!(text.lines().any(|line| line.starts_with("    1 ") && line.ends_with(&listed)), "{text}");
    line(&listed);
    assert!(text.contains("count::serve"), "{text}");
    let rounds: Vec<&str> = text.split("ID    CPU  MESSAGES/S   MEMORY").collect();
    assert_eq!(rounds.len(), 3, "{text}");
    assert!(rounds[1..].iter().all(|round| round.contains("  supervisor\n")), "{text}");
}

/// Waits for `text`.
fn expect(guest: &mut Guest, text: &str) {
    guest.expect(text, LIMIT).unwrap_or_else(|unexpected| panic!("{unexpected}"));
}

#[test]
fn whoever_sits_at_the_terminal_goes_on_typing_when_console_or_shell_were_ended() {
    let mut guest =
        whole_system().entry("poem", &b"one\ntwo three\n"[..]).start().expect("the machine starts");
    expect(&mut guest, "entente> ");
    let types = |guest: &mut Guest, line: String| {
        guest.send(line.as_bytes()).expect("the machine takes input");
    };
    types(&mut guest, format!("kill {}\r", sip("console")));
    expect(&mut guest, "entente: console was killed (fault 1); it is started again in 100ms\r\n");
    expect(&mut guest, "entente> ");
    types(&mut guest, "wc poem\r".into());
    expect(&mut guest, " 2  3 14 poem\n");
    expect(&mut guest, "entente> ");
    types(&mut guest, format!("kill {}\r", sip("shell")));
    expect(&mut guest, "entente: shell was killed (fault 2); it is started again in 100ms\r\n");
    expect(&mut guest, "Entente 0.1.0. 'help' lists the commands.\n");
    expect(&mut guest, "entente> ");
    types(&mut guest, "sha256 poem\r".into());
    expect(&mut guest, "  poem\n");
    expect(&mut guest, "entente> ");
    types(&mut guest, "shutdown\r".into());
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.log);
    in_order(&run.log, &["console runs again, as 10", "shell runs again, as 11"]);
}

#[test]
fn commands_that_end_their_shell_are_not_run_twice() {
    let run = whole_system().exec(&format!("uptime; kill {}; uptime", sip("shell")));
    let run = run.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Failure, "{}", run.log);
    assert_eq!(run.text().matches("up ").count(), 1, "{}", run.text());
    assert!(run.text().ends_with("\r\nentente: shell was killed (fault 1)\r\n"), "{}", run.text());
}
