//! The system as its users see it: commands without a terminal, and a person at one. What commands say of files is in
//! `files.rs`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use boot::qemu::Outcome;
use boot::run::{Finished, Guest};
use boot::system::System;
use tests::{images, whole_system};

const LIMIT: Duration = Duration::from_secs(60);

/// What a command of the host's prints about a file in `dir`. The locale is the one that `count` has.
fn host(dir: &Path, program: &str, file: &str) -> String {
    let output = Command::new(program).arg(file).current_dir(dir).env("LC_ALL", "C.UTF-8").output();
    let output = output.expect("the host has coreutils");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// `bytes` bytes of words and lines.
fn text(bytes: usize) -> Vec<u8> {
    let words = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog"];
    let mut text = Vec::with_capacity(bytes + 16);
    let mut seed = bytes as u32;
    while text.len() < bytes {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(seed >> 16) as usize % words.len()].as_bytes());
        text.extend_from_slice(
            [" ", "\n", "  ", "\t", " ", "\n\n", " ", "\r\n"][(seed >> 24) as usize % 8].as_bytes(),
        );
    }
    text.truncate(bytes);
    text
}

#[test]
fn cargo_run_prints_the_commands_output_and_nothing_else() {
    images();
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("F"), text(10_000)).expect("a file");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = |commands: &str| {
        Command::new(&cargo)
            .args(["run", "--quiet", "--"])
            .arg("--file")
            .arg(dir.path().join("F"))
            .args(["--exec", commands])
            .current_dir(boot::guest::workspace())
            .output()
            .expect("cargo runs")
    };
    let output = run("wc F; sha256 F; ps; blocks; shutdown");
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let expected = host(dir.path(), "wc", "F") + &host(dir.path(), "sha256sum", "F");
    assert!(printed.starts_with(&expected), "{printed}");
    assert!(printed[expected.len()..].starts_with("ID "), "{printed}");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(run("cat nobody; shutdown").status.code(), Some(1), "a command failed");
}

/// What these commands print.
fn run(system: System, commands: &str) -> Finished {
    let run = system.exec(commands).run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    run
}

/// What one command prints.
fn output_of(command: &str) -> String {
    run(whole_system().entry("poem", &b"one\ntwo three\n"[..]), command).text()
}

#[test]
fn help_lists_every_command_and_each_does_what_it_says() {
    let help = output_of("help");
    let commands = [
        "help", "ls", "cat", "wc", "sha256", "run", "ping", "ps", "top", "tree", "kill", "restart", "faults",
        "fault", "channels", "blocks", "dmesg", "uptime", "shutdown",
    ];
    for command in commands {
        assert!(help.lines().any(|line| line.split(' ').next() == Some(command)), "{command}: {help}");
    }
    // And nothing that is not there: each line of the list is a command that the shell knows.
    let listed: Vec<&str> =
        help.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split(' ').next()).collect();
    let script: String =
        listed.iter().filter(|name| **name != "shutdown").map(|name| format!("{name} a b c d; ")).collect();
    let run = whole_system().exec(&script).run(LIMIT).expect("the machine runs");
    assert!(!run.text().contains("unknown command"), "{}", run.text());
}

#[test]
fn ls_cat_and_run_work_on_the_files_of_the_archive() {
    let ls = output_of("ls");
    assert!(ls.lines().any(|line| line.split_whitespace().eq(["14", "poem"])), "{ls}");
    assert!(ls.lines().any(|line| line.ends_with(" sips/shell")), "{ls}");
    assert_eq!(output_of("cat poem; cat poem"), "one\ntwo three\none\ntwo three\n");
    assert_eq!(output_of("run hello; run hello you there"), "Hello, world!\nHello, you there!\n");
    assert_eq!(output_of("wc 'poem'; wc \"poem\""), " 2  3 14 poem\n 2  3 14 poem\n");
}

#[test]
fn ping_measures_as_many_round_trips_as_it_is_told() {
    let ping = output_of("ping 25000");
    let words: Vec<&str> = ping.split_whitespace().collect();
    assert_eq!(words[..4], ["25000", "round", "trips", "in"], "{ping}");
    assert!(ping.trim_end().ends_with("ticks each"), "{ping}");
}

#[test]
fn ps_channels_and_blocks_show_processes_channels_and_owners() {
    let look = output_of("ps; channels; blocks");
    for process in [
        "kernel",
        "supervisor",
        "directory",
        "console",
        "archive",
        "count",
        "digest",
        "pong",
        "ping",
        "shell",
    ] {
        let shown =
            look.lines().find(|line| line.contains(" KiB ") && line.ends_with(&format!(" {process}")));
        assert!(
            shown.is_some_and(|line| line.contains("waiting") || line.contains("ready")),
            "{process}: {look}"
        );
    }
    let channels = |contract: &'static str| {
        look.lines().filter(move |line| line.split_whitespace().nth(1) == Some(contract))
    };
    for (contract, client, server) in [
        ("Archive", "shell", "archive"),
        ("Count", "shell", "count"),
        ("PingPong", "ping", "pong"),
        ("SerialOutput", "console", "kernel"),
        ("Ending", "kernel", "supervisor"),
    ] {
        let there = channels(contract).any(|line| line.contains(client) && line.contains(server));
        assert!(there, "{contract}: {look}");
    }
    let owned: Vec<u64> = look
        .lines()
        .skip_while(|line| !line.starts_with("BLOCKS"))
        .skip(1)
        .take_while(|line| !line.contains(':'))
        .map(|line| line.split_whitespace().nth(1).and_then(|bytes| bytes.parse().ok()).expect("bytes"))
        .collect();
    let (total, owners) = owned.split_last().expect("a total");
    assert_eq!(*total, owners.iter().sum::<u64>(), "owners add up to the total: {look}");
    assert!(look.contains("copied so far: 0 bytes"), "{look}");
}

#[test]
fn a_file_goes_through_count_and_digest_without_a_byte_copied() {
    let path = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(path.path(), text(1 << 20)).expect("a file");
    let name = path.path().file_name().and_then(|name| name.to_str()).expect("UTF-8").to_owned();
    let system = whole_system().file(path.path()).expect("it can be added");
    let text = run(system, &format!("wc {name}; sha256 {name}; blocks")).text();
    assert!(text.contains("copied so far: 0 bytes"), "{text}");
    let moved = text.lines().find_map(|line| line.strip_prefix("moved so far: ")).expect("a line");
    let bytes = moved.split(' ').nth(2).and_then(|bytes| bytes.parse::<u64>().ok()).expect("bytes");
    // To the archive and back, to count or digest and back: four times for each of the two.
    assert!(bytes >= 8 << 20, "{moved}");
}

#[test]
fn dmesg_and_uptime_tell_of_the_kernel() {
    let run = run(whole_system(), "dmesg; uptime");
    let printed = run.text();
    assert!(printed.contains("Entente ") && printed.contains("processes started"), "{printed}");
    // What it prints is the log itself.
    assert!(
        printed.lines().filter(|line| line.starts_with('[')).all(|line| run.log.contains(line)),
        "{printed}"
    );
    assert!(
        printed.lines().last().is_some_and(|line| line.starts_with("up ") && line.ends_with(" s")),
        "{printed}"
    );
}

#[test]
fn the_exit_status_tells_whether_each_command_succeeded() {
    let outcome =
        |commands: &str| whole_system().exec(commands).run(LIMIT).expect("the machine runs").outcome;
    assert_eq!(outcome(""), Outcome::Success);
    assert_eq!(outcome("uptime; shutdown"), Outcome::Success);
    assert_eq!(outcome("cat nobody; uptime"), Outcome::Failure);
    assert_eq!(outcome("cat 'open"), Outcome::Failure);
}

/// A person at the terminal.
struct Person(Guest);

const PROMPT: &str = "entente> ";

impl Person {
    fn sit_down() -> Self {
        let system = whole_system().entry("poem", &b"one\ntwo three\n"[..]);
        let start = Instant::now();
        let mut guest = system.start().expect("the machine starts");
        guest.expect(PROMPT, LIMIT).expect("a prompt");
        println!("from start to prompt: {:?}", start.elapsed());
        Person(guest)
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        self.0.send(keys.as_bytes()).expect("the machine takes input");
        self
    }

    /// Waits for a line, and the next prompt.
    fn reads(&mut self, line: &str) -> &mut Self {
        self.0.expect(line, LIMIT).unwrap_or_else(|unexpected| panic!("{unexpected}"));
        self.0.expect(PROMPT, LIMIT).unwrap_or_else(|unexpected| panic!("{unexpected}"));
        self
    }
}

const UP: &str = "\x1b[A";
const LEFT: &str = "\x1b[D";
const HOME: &str = "\x1b[H";
const DELETE: &str = "\x1b[3~";

#[test]
fn a_person_edits_lines_brings_back_earlier_ones_and_stops_commands() {
    let mut person = Person::sit_down();
    // What the answer begins with does not stand in the echo of what is typed.
    person.types("wc poem\r").reads(" 2  3 14 poem\n");
    // Mistyped, and corrected by backspace, arrows, home and delete.
    person.types("cxat\x7f\x7f\x7fat poemm\x7f\r").reads("two three\n");
    person.types(&format!("at poem{HOME}c\r")).reads("two three\n");
    person.types(&format!("ca poem{LEFT}{LEFT}{LEFT}{LEFT}{LEFT}t\r")).reads("two three\n");
    person.types(&format!("xwc poem{HOME}{DELETE}\r")).reads(" 2  3 14 poem\n");
    // The line before, and the one before that.
    person.types("sha256 poem\r").reads("  poem\n");
    person.types(&format!("{UP}\r")).reads("  poem\n");
    person.types(&format!("{UP}{UP}\r")).reads(" 2  3 14 poem\n");
    // Ctrl-C throws a line away, and stops a command that would run for hours.
    person.types("cat nobody\x03wc poem\r");
    person.reads(" 2  3 14 poem\n");
    person.types("ping 100000000000\r");
    std::thread::sleep(Duration::from_millis(300));
    person.types("\x03").reads("ping: interrupted\n");
    person.types("wc poem\r").reads(" 2  3 14 poem\n");
    let console = String::from_utf8_lossy(&person.0.console()).into_owned();
    assert!(!console.contains("no such file"), "the line thrown away was not run: {console}");
    person.types("shutdown\r");
    let run = person.0.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.log);
}

#[test]
fn typing_ahead_loses_nothing() {
    let mut person = Person::sit_down();
    let lines: String = (0..50).map(|line| format!("wc nobody-{line}\r")).collect();
    person.types(&lines);
    for line in 0..50 {
        person
            .0
            .expect(&format!("wc: nobody-{line}: no such file\n"), LIMIT)
            .unwrap_or_else(|e| panic!("{e}"));
    }
}
