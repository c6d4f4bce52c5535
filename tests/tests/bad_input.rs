//! Bad input gets one clear message that names the file or the process and the reason; nothing else is lost, and the
//! system goes on.

use std::path::Path;
use std::time::Duration;

use boot::check::{fit, manifest};
use boot::options::Options;
use boot::qemu::{Machine, Medium, Outcome};
use boot::run::Guest;
use boot::system::{System, scratch_dir};
use boot::wiring::Start;
use clap::Parser;
use tests::{altered, image, images, packed, refused, whole_system, whole_system_and};

const LIMIT: Duration = Duration::from_secs(60);

/// Runs the commands between two looks at the system's blocks, channels and processes, which must agree, and returns what
/// the commands printed.
fn answers(system: System, commands: &[&str]) -> Vec<String> {
    const LOOK: &str = "blocks; channels; ps";
    // The first look makes what is made once.
    // Peers of what ended close their own ends when they run: the round trips take long enough for all to have had a turn.
    let commands = commands.join("; ");
    let script = format!("{LOOK}; cat mark; {LOOK}; cat mark; {commands}; cat mark; ping 5000; {LOOK}");
    let run = system.entry("mark", &b"-- mark --\n"[..]).exec(&script).run(LIMIT).expect("the machine runs");
    let text = run.text();
    let parts: Vec<&str> = text.split("-- mark --\n").collect();
    let [_, before, answers, after] = parts[..] else { panic!("the system goes on: {text}\n{}", run.log) };
    assert_eq!(lasting(before), lasting(after), "nothing is lost and nothing is left");
    answers.lines().map(str::to_owned).collect()
}

/// What of a look stays the same: owners with their blocks, ends of channels, processes.
fn lasting(look: &str) -> Vec<String> {
    let lines = look.lines().filter(|line| !line.contains(" so far: ") && !line.starts_with("mapped"));
    let lines = lines.filter(|line| !line.contains(" round trips in "));
    // A watcher for Ctrl-C that has gone is noticed by the console when it has something to do.
    let lines = lines.filter(|line| !line.contains(" Watching "));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                // A process: not its state, nor how far its heap has grown.
                [id, _state, priority, threads, _, "KiB", _, "KiB", _, "KiB", _space, _why, name] => {
                    [id, priority, threads, name].join(" ")
                }
                // A channel: not its number, nor its messages.
                [_id, contract, state, .., _messages] if words.len() >= 6 => {
                    [&[contract, state], &words[3..words.len() - 1]].concat().join(" ")
                }
                _ => line.to_owned(),
            }
        })
        .collect()
}

/// The place of `needle` in `bytes`.
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).expect("the image has it")
}

fn with_byte(mut bytes: Vec<u8>, at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    bytes[at] = change(bytes[at]);
    bytes
}

#[test]
fn a_file_that_is_no_image_is_refused_by_name_with_the_reason() {
    let good = image("hello");
    let mut abi = [0; 10];
    let abi = postcard::to_slice(&contracts::abi::HASH, &mut abi).expect("ten bytes do");
    // The header of a 32-bit file for the 80386 and nothing else.
    let mut narrow = [&b"\x7fELF\x01\x01\x01"[..], &[0; 45]].concat();
    (narrow[16], narrow[18], narrow[20], narrow[40]) = (3, 3, 1, 52);
    let section = find(&good, b".entente.manifest\0");
    let manifest = find(&good, abi);
    let files: [(&str, Vec<u8>, &str); 12] = [
        ("empty", vec![], "not an ELF file"),
        ("text", b"echo hello\n".to_vec(), "not an ELF file"),
        ("header", good[..40].to_vec(), "the ELF file is truncated"),
        ("half", good[..good.len() / 2].to_vec(), "the ELF file is truncated"),
        ("most", good[..good.len() - 1].to_vec(), "the ELF file is truncated"),
        ("arm", with_byte(good.clone(), 18, |_| 183), "the ELF file is not for 64-bit x86"),
        ("narrow", narrow, "the ELF file is not for 64-bit x86"),
        (
            "fixed",
            with_byte(good.clone(), 16, |_| 2),
            "the ELF file is not a static position-independent executable",
        ),
        ("bare", with_byte(good.clone(), section + 1, |_| b'x'), "the image has no manifest"),
        ("old", with_byte(good.clone(), manifest, |byte| byte ^ 1), "the image was built for interface"),
        (
            "mangled",
            with_byte(good.clone(), manifest + abi.len(), |_| 0xff),
            "the image's manifest cannot be decoded",
        ),
        (
            "eager",
            altered(&images().sips["hello"], |manifest| manifest.priority = 30),
            "its manifest asks for priority 30, and a process has one from 1 to 29",
        ),
    ];
    let mut system = whole_system();
    let mut commands = Vec::new();
    for (name, bytes, _) in &files {
        system = system.entry(name, bytes.clone());
        commands.push(format!("run {name}"));
    }
    commands.push("run hello".into());
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let answers = answers(system, &commands);
    assert_eq!(answers.len(), files.len() + 1, "one message each: {answers:#?}");
    for ((name, _, reason), answer) in files.iter().zip(&answers) {
        assert!(answer.starts_with(&format!("run: {name}: {reason}")), "{answer}");
    }
    assert!(answers[4].contains("truncated") && answers[9].ends_with("build it again"), "{answers:#?}");
    assert_eq!(answers.last().map(String::as_str), Some("Hello, world!"));
}

#[test]
fn a_process_whose_contract_differs_from_its_peers_is_refused_with_the_message_that_differs() {
    let system = whole_system().entry("sips/altered", packed("altered"));
    let answers = answers(system, &["run altered", "ping 10"]);
    assert_eq!(answers[0], "run: altered: it uses the service 'pong' (PingPong), but message Pong differs");
    assert!(answers[1].starts_with("10 round trips"), "{answers:?}");
    assert_eq!(answers.len(), 2);
}

/// What keeps `outdated` and `north` apart, whose contract is the same but for one that it carries.
const OUTDATED: &str = "message Seated carries Seat, in which message Given differs";

#[test]
fn a_process_whose_contract_carries_another_version_of_one_is_refused_when_it_starts() {
    let answers =
        answers(whole_system_and("north").entry("sips/outdated", packed("outdated")), &["run outdated"]);
    assert_eq!(answers, [format!("run: outdated: it uses the service 'north' (Lobby), but {OUTDATED}")]);
}

#[test]
fn processes_whose_contract_carries_two_versions_of_one_do_not_make_a_system() {
    let process = |name| (Start::ByKernel, manifest(&images().sips[name]).expect("an image with a manifest"));
    let error = fit(&[process("north"), process("outdated")]).expect_err("they do not fit");
    assert_eq!(
        error.to_string(),
        format!("outdated and north do not agree on the service north: {OUTDATED}")
    );
    fit(&[process("north"), process("south")]).expect("they fit");
}

#[test]
fn the_directory_does_not_lead_to_a_service_whose_contract_carries_another_version_of_one() {
    let system = whole_system_and("north").entry("sips/faulty", packed("faulty"));
    let run = system.exec("run faulty lobby north; run faulty outdated north; run faulty mistaken north");
    let run = run.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.text());
    let answers = lookups(&run.log);
    assert_eq!(answers[..2], ["north: found", "north: refused: it speaks another contract"]);
    assert!(answers[2].starts_with("north: found, and not taken: the endpoint's contract has fingerprint"));
}

#[test]
fn a_process_that_speaks_an_extension_is_refused_by_a_provider_of_the_base() {
    let system = whole_system().entry("sips/ahead", packed("ahead"));
    let answers = answers(system, &["run ahead", "ping 10"]);
    assert_eq!(
        answers[0],
        "run: ahead: it uses the service 'pong' (NumberedPingPong), but the provider does not know message Count"
    );
    assert!(answers[1].starts_with("10 round trips"), "{answers:?}");
    assert_eq!(answers.len(), 2);
}

#[test]
fn a_process_that_fails_says_how_and_takes_nothing_with_it() {
    let cases = [
        ("null", "faulted: page fault on address 0x0 at faulty+0x"),
        ("write", "faulted: page fault on address 0xffffc0"),
        ("constant", "faulted: page fault on address 0xffffc0"),
        ("execute", "faulted: page fault on address 0xffffc0"),
        ("variable", "faulted: page fault on address 0xffffc0"),
        ("jump", "faulted: page fault on address 0x1234 at 0x1234"),
        ("divide", "faulted: divide error at faulty+0x"),
        ("illegal", "faulted: invalid opcode at faulty+0x"),
        ("overflow", "faulted: stack overflow at faulty+0x"),
        ("plunge", "faulted: stack overflow at faulty+0x"),
        ("panic what a pity", "panicked: what a pity at tests/guests/faulty/src/main.rs:"),
        ("memory", "broke its memory limit: memory allocation of 100000 bytes failed"),
        ("thread null", "faulted: page fault on address 0x0 at faulty+0x"),
        ("thread overflow", "faulted: stack overflow at faulty+0x"),
        ("thread panic at once", "panicked: at once at"),
        ("spin", "broke its CPU budget"),
        ("hoard", "panicked: hoarded"),
        ("fail", "failed"),
        ("nothing", ""),
    ];
    let commands: Vec<String> = cases.iter().map(|(case, _)| format!("run faulty {case}")).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let answers = answers(whole_system().entry("sips/faulty", packed("faulty")), &commands);
    // The last one succeeds, about which there is nothing to say.
    assert_eq!(answers.len(), cases.len() - 1, "one message each: {answers:#?}");
    for ((_, how), answer) in cases.iter().zip(&answers) {
        assert!(answer.starts_with(&format!("run: faulty: {how}")), "{answer}");
    }
}

/// Asks the kernel for one thing after another with ever less of the stack left. What the kernel needs has to lie within
/// what it asks for, or it would run into the page below, and be at fault itself.
#[test]
fn a_process_with_too_little_stack_for_the_kernel_is_ended_before_the_kernel_needs_it() {
    let requests = ["log", "clock", "block", "pages", "heap", "channel", "set", "wait"];
    let commands: Vec<String> = requests.iter().map(|what| format!("run faulty edge {what}")).collect();
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let answers = answers(whole_system().entry("sips/faulty", packed("faulty")), &commands);
    let expected =
        |number| format!("run: faulty: faulted: stack overflow on the way into the kernel (fault {number})");
    assert_eq!(answers, (1..=requests.len()).map(expected).collect::<Vec<_>>(), "{requests:?}");
}

/// What `faulty` heard from the directory.
fn lookups(log: &str) -> Vec<&str> {
    log.lines().filter_map(|line| line.split_once(": lookup ")).map(|(_, answer)| answer).collect()
}

#[test]
fn a_name_that_the_directory_does_not_know_or_may_not_give_is_answered_as_unknown() {
    let script = "run faulty lookup nobody; run faulty lookup system; run faulty lookup probe; \
        run faulty lookup count; run faulty lookup pong; uptime";
    let system = whole_system().entry("sips/faulty", packed("faulty")).exec(script);
    let run = system.run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.text());
    // The kernel's own services are granted by manifest, and to nobody who merely asks.
    assert_eq!(
        lookups(&run.log),
        [
            "nobody: unknown",
            "system: unknown",
            "probe: unknown",
            "count: refused: it speaks another contract",
            "pong: found"
        ]
    );
}

#[test]
fn a_command_that_is_wrong_is_named_and_those_after_it_run() {
    let run = whole_system()
        .exec("frobnicate; ls too many; cat; cat nobody; wc nobody; sha256 nobody; run nobody; ping many; ping 0; uptime")
        .run(LIMIT)
        .expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Failure, "a command failed");
    let text = run.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..9],
        [
            "shell: unknown command 'frobnicate'; 'help' lists the commands",
            "ls: usage: ls",
            "cat: usage: cat FILE",
            "cat: nobody: no such file",
            "wc: nobody: no such file",
            "sha256: nobody: no such file",
            "run: nobody: no such file",
            "ping: many: not a number of round trips, which is 1 or more",
            "ping: 0: not a number of round trips, which is 1 or more",
        ]
    );
    assert!(lines[9].starts_with("up ") && lines.len() == 10, "{lines:#?}");
}

#[test]
fn lines_that_nobody_would_type_are_dealt_with() {
    let mut guest = whole_system().start().expect("the machine starts");
    guest.expect("entente> ", LIMIT).expect("a prompt");
    let works = |guest: &mut Guest| {
        guest.send(b"wc mark\r").expect("it can be typed to");
        guest.expect("mark: no such file\n", LIMIT).expect("the next command works");
        guest.expect("entente> ", LIMIT).expect("a prompt");
    };
    works(&mut guest);

    guest.send(&[b'x'; 10_000]).expect("it can be typed to");
    guest.send(b"\r").expect("it can be typed to");
    guest.expect("characters and was thrown away\n", LIMIT).expect("a message");
    guest.expect("entente> ", LIMIT).expect("a prompt");
    works(&mut guest);

    // Every byte there is but Ctrl-D, which ends the system on purpose, in three orders, then Ctrl-C for what is left of a line or of an escape sequence.
    let orders = (0..=255).chain((0..=255).rev()).chain((0..=255).map(|byte: u8| byte.wrapping_mul(151)));
    let bytes: Vec<u8> = orders.filter(|byte| *byte != 4).collect();
    guest.send(&bytes).expect("it can be typed to");
    guest.send(b"\r\x03\x03\r").expect("it can be typed to");
    guest.send(b"\rwc after\r").expect("it can be typed to");
    guest.expect("after: no such file\n", LIMIT).expect("a command works after binary bytes");
    guest.expect("entente> ", LIMIT).expect("a prompt");
    works(&mut guest);
    guest.send(b"shutdown\r").expect("it can be typed to");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.log);
}

/// Boots a file as the archive.
fn boot_archive(bytes: &[u8]) -> boot::run::Finished {
    let dir = scratch_dir().expect("a directory");
    let archive = dir.path().join("archive.tar");
    std::fs::write(&archive, bytes).expect("the archive can be written");
    let machine = Machine::new(Medium::Direct { loader: images().loader.clone(), archive });
    Guest::start(&machine).expect("the machine starts").wait(LIMIT).expect("the machine ends")
}

#[test]
fn a_boot_archive_that_is_not_one_is_refused_with_the_reason() {
    let packed = |change: fn(System) -> System| {
        let dir = scratch_dir().expect("a directory");
        change(whole_system()).write_to(dir.path()).expect("it can be packed");
        std::fs::read(dir.path().join("archive.tar")).expect("it was packed")
    };
    let without = |name: &'static str| {
        let dir = scratch_dir().expect("a directory");
        let mut system = whole_system();
        system.archive.remove(name);
        system.write_to(dir.path()).expect("it can be packed");
        std::fs::read(dir.path().join("archive.tar")).expect("it was packed")
    };
    let cases: [(&str, Vec<u8>, Outcome, &str); 8] = [
        (
            "text",
            b"this is not a tar\n".repeat(1000),
            Outcome::Loader,
            "boot archive: it is not a tar archive",
        ),
        ("nulls", vec![0; 4096], Outcome::Loader, "boot archive: it"),
        ("no kernel", without("boot/kernel"), Outcome::Loader, "boot archive: it holds no boot/kernel"),
        (
            "a kernel of text",
            packed(|system| system.entry("boot/kernel", &b"text"[..])),
            Outcome::Loader,
            "boot/kernel: it is not a 64-bit little-endian ELF image",
        ),
        ("no wiring", without("boot/wiring"), Outcome::Failure, "the boot archive has no file boot/wiring"),
        (
            "a damaged wiring",
            packed(|system| system.entry("boot/wiring", &[0xff; 7][..])),
            Outcome::Failure,
            "boot/wiring cannot be decoded",
        ),
        (
            "a process short",
            without("sips/count"),
            Outcome::Failure,
            "the boot archive has no file sips/count",
        ),
        (
            "a damaged process",
            packed(|system| system.entry("sips/count", &b"text"[..])),
            Outcome::Failure,
            "sips/count: not an ELF file",
        ),
    ];
    for (name, bytes, outcome, message) in cases {
        let run = boot_archive(&bytes);
        assert_eq!(run.outcome, outcome, "{name}: {}\n{}", run.text(), run.log);
        let said = run.text().matches(message).count();
        assert_eq!(said, 1, "{name}: {:?}", run.text());
    }
}

#[test]
fn too_little_memory_is_said_at_each_stage() {
    let error = whole_system().memory_mib(8).run(LIMIT).expect_err("8 MiB are too little");
    assert!(error.to_string().starts_with("too little memory: 8 MiB"), "{error}");

    // Behind the host's back: from what QEMU itself refuses to what is enough, never a hang and never silence.
    let dir = scratch_dir().expect("a directory");
    let system = whole_system().exec("uptime");
    let machine = system.write_to(dir.path()).expect("it can be packed");
    // The archive goes to the end of memory. With less than this QEMU puts it over the loader, which then cannot speak.
    let least = u32::try_from(system.archive.bytes() >> 20).expect("a small archive") + 3;
    let mut outcomes = Vec::new();
    for memory_mib in [4, least, least + 1, least + 2, least + 3, least + 4, least + 5, least + 8, 64] {
        let machine = Machine { memory_mib, ..machine.clone() };
        let run = Guest::start(&machine).expect("it starts").wait(LIMIT).expect("it ends");
        let said = run.text() + &run.log;
        let explained =
            ["too little memory", "out of memory", "no memory"].iter().any(|words| said.contains(words));
        match run.outcome {
            Outcome::Success => {}
            // QEMU has no room for the archive, and says so.
            Outcome::Qemu(1) => {}
            outcome => assert!(explained, "{memory_mib} MiB: {outcome:?}: {said}"),
        }
        outcomes.push((memory_mib, run.outcome));
    }
    println!("{outcomes:?}");
    assert_eq!(outcomes.last(), Some(&(64, Outcome::Success)));
}

#[test]
fn unknown_options_and_files_that_cannot_be_added_are_named() {
    images();
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::create_dir(path("sub")).expect("a directory");
    std::fs::write(path("twin"), "1").expect("a file");
    std::fs::write(path("sub/twin"), "2").expect("a file");

    let (message, status) = refused(&["--frobnicate"]);
    assert_eq!(status, Some(2));
    assert!(message.contains("unexpected argument '--frobnicate'"), "{message}");

    for (arguments, expected) in [
        (vec!["--file", &path("twin"), "--file", &path("sub/twin")], "another file has the same base name"),
        (vec!["--file", &path("nobody")], "nobody: No such file or directory"),
        (vec!["--file", &path("sub")], "sub: not a regular file"),
        (vec!["--memory", "8", "--exec", "ls"], "use --memory"),
    ] {
        let (message, status) = refused(&arguments);
        assert_eq!(status, Some(2), "{message}");
        let errors: Vec<&str> = message.lines().filter(|line| line.starts_with("error:")).collect();
        let [error] = errors[..] else { panic!("one message: {message}") };
        assert!(error.contains(expected), "{error}");
    }
    assert!(Options::try_parse_from(["boot", "--memory", "lots"]).is_err());
}

/// A file of that many zero bytes which takes no room on the disk.
fn sparse(path: &Path, bytes: u64) {
    std::fs::File::create(path).and_then(|file| file.set_len(bytes)).expect("a sparse file");
}

#[test]
fn a_file_too_large_for_the_memory_is_named_and_works_with_enough() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("zeros");
    sparse(&path, 300 << 20);
    let system = whole_system().file(&path).expect("it can be added").exec("wc zeros");
    let error = system.run(LIMIT).expect_err("it is too large").to_string();
    assert!(error.contains("zeros is 300 MiB"), "{error}");
    let enough =
        error.rsplit(' ').next().and_then(|word| word.parse().ok()).expect("it says how much is enough");
    let run = system.memory_mib(enough).run(Duration::from_secs(120)).expect("the machine runs");
    assert_eq!(
        (run.outcome, run.text().as_str()),
        (Outcome::Success, "        0         0 314572800 zeros\n")
    );
}
