//! Only what is vouched for, to the bit, runs in the kernel's space; all else runs too, in a domain.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::signing::Key;
use boot::strip::without_debug_info;
use boot::system::System;
use boot::vouching;
use boot::vouching::audited::AUDITED;
use boot::wiring::PROCESSES;
use contracts::manifest::Grant;
use contracts::signature::SEAL_BYTES;
use kernel::sip::image::parse;
use tests::{facts, image, images, key, packed, refused, whole_system};

const LIMIT: Duration = Duration::from_secs(60);

/// A key that is not that of these tests.
fn other_key() -> Key {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("key.pem");
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGVudGVudGUgZW50ZW50ZSBlbnRlbnRlIGVudGVudGUh\n\
        -----END PRIVATE KEY-----\n";
    fs::write(&path, pem).expect("a file");
    Key::read(&path).expect("a key")
}

/// The lines of the kernel's log that say where processes of this name start, without the time and the address.
fn starts(log: &str, name: &str) -> Vec<String> {
    let line = |line: &str| {
        let (_, rest) = line.split_once(&format!("({name}) starts at 0x"))?;
        Some(rest.split_once(' ').map_or("kernel", |(_, place)| place).to_owned())
    };
    log.lines().filter_map(line).collect()
}

fn flipped(mut file: Vec<u8>, at: usize) -> Vec<u8> {
    file[at] ^= 0x20;
    file
}

/// A byte of the image that nothing depends on.
fn unread(signed: &[u8], unsigned: &[u8]) -> usize {
    let read = parse(unsigned).expect("an image").rest;
    let rest = parse(signed).expect("an image").rest;
    let unread = |at: &usize| !read.iter().any(|range| range.contains(at));
    rest.into_iter().flatten().filter(|at| *at < unsigned.len()).find(unread).expect("there is padding")
}

#[test]
fn an_image_runs_in_the_kernels_space_only_if_it_is_signed_and_not_a_bit_was_changed() {
    let signed = packed("hello");
    let unsigned = without_debug_info(&image("hello")).expect("it is an image");
    let seal = signed.len() - SEAL_BYTES;
    let text = signed.windows(7).position(|bytes| bytes == b"Hello, ").expect("it says so");
    let files = [
        ("signed", signed.clone(), "kernel", "Hello, world!"),
        ("unsigned", unsigned.clone(), "in a domain (unsigned)", "Hello, world!"),
        ("other", other_key().sign(&unsigned), "in a domain (other-key)", "Hello, world!"),
        ("constant", flipped(signed.clone(), text), "in a domain (altered)", "hello, world!"),
        (
            "padding",
            flipped(signed.clone(), unread(&signed, &unsigned)),
            "in a domain (altered)",
            "Hello, world!",
        ),
        ("mark", flipped(signed.clone(), seal), "in a domain (unsigned)", "Hello, world!"),
        ("key", flipped(signed.clone(), seal + 16), "in a domain (other-key)", "Hello, world!"),
        ("signature", flipped(signed.clone(), signed.len() - 1), "in a domain (altered)", "Hello, world!"),
        ("longer", [&signed[..], b"x"].concat(), "in a domain (unsigned)", "Hello, world!"),
        ("again", signed.clone(), "kernel", "Hello, world!"),
    ];
    // While the kernel keeps the image of a process `hello`, and while it does not.
    for kept in [true, false] {
        let mut system = whole_system();
        if !kept {
            system = system.rewire(|wiring| wiring.on_demand.retain(|name| name != "hello"));
        }
        for (name, file, ..) in &files {
            system = system.entry(name, file.clone());
        }
        let commands: Vec<_> = files.iter().map(|(name, ..)| format!("run {name}")).collect();
        let run = system.exec(&commands.join("; ")).run(LIMIT).expect("the machine runs");
        assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
        assert_eq!(run.text().lines().collect::<Vec<_>>(), files.each_ref().map(|(.., said)| *said));
        assert_eq!(starts(&run.log, "hello"), files.each_ref().map(|(_, _, place, _)| *place), "{}", run.log);
    }
}

#[test]
fn a_system_may_be_signed_with_any_key_and_its_kernel_believes_that_one_alone() {
    let key = other_key();
    let wiring = boot::check::check(&shipped()).expect("the processes fit together");
    let system = System::from_images(shipped(), wiring, &key).expect("the images can be read");
    let system = system.entry("development", packed("hello"));
    let run = system.exec("run hello; run development").run(LIMIT).expect("the machine runs");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    assert_eq!(starts(&run.log, "hello"), ["kernel", "in a domain (other-key)"]);
}

fn shipped() -> boot::guest::Images {
    let mut images = images().clone();
    images.sips.retain(|name, _| !tests::PROCESSES.contains(&name.as_str()));
    images
}

#[test]
fn the_kernel_does_not_believe_a_wiring_that_says_an_unsigned_image_needs_no_domain() {
    let unsigned = without_debug_info(&image("hello")).expect("it is an image");
    let system = whole_system().no_domain("hello").expect("there is such a process");
    let run = system.clone().exec("run hello").run(LIMIT).expect("the machine runs");
    assert_eq!(starts(&run.log, "hello"), ["kernel"]);
    let system = system.entry("sips/hello", unsigned).exec("run hello");
    let run = system.run(LIMIT).expect("the machine runs");
    assert_eq!((run.outcome, run.text().as_str()), (Outcome::Success, "Hello, world!\n"), "{}", run.log);
    assert_eq!(starts(&run.log, "hello"), ["in a domain (unsigned)"]);
}

#[test]
fn ps_says_of_each_process_why_it_is_where_it_is() {
    let unsigned = |name| without_debug_info(&image(name)).expect("it is an image");
    let system = whole_system().no_domain("shell").expect("there is such a process");
    let system = system.domain("count").expect("there is such a process");
    let system = system.entry("sips/digest", unsigned("digest"));
    let system = system.entry("sips/pong", other_key().sign(&unsigned("pong")));
    let altered = packed("directory");
    let last = altered.len() - 1;
    let system = system.entry("sips/directory", flipped(altered, last));
    let run = system.exec("ps; ping 10; sha256 nobody").run(LIMIT).expect("the machine runs");
    let text = run.text();
    let row = |name: &str| {
        let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.last() == Some(&name) && row.contains(&"KiB"));
        row.map(|row| row[row.len() - 3..].join(" ")).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    for (name, expected) in [
        ("kernel", "kernel itself"),
        ("supervisor", "kernel signed"),
        ("shell", "kernel by-hand"),
        ("count", "domain by-hand"),
        ("digest", "domain unsigned"),
        ("pong", "domain other-key"),
        ("directory", "domain altered"),
    ] {
        assert_eq!(row(name), format!("{expected} {name}"), "{text}");
    }
    assert!(text.contains("10 round trips"), "and they talk: {text}");
}

#[test]
fn an_image_that_nobody_vouches_for_may_use_what_is_for_everybody_and_what_the_wiring_grants_it() {
    let unsigned = |name| without_debug_info(&image(name)).expect("it is an image");
    let not_granted = |service| {
        format!("it uses the service '{service}', which is not for an image that nobody vouches for")
    };
    // From a file, whatever it calls itself, and by name; signed, it starts.
    let greedy = unsigned("greedy");
    let system =
        whole_system().entry("sips/coroner", unsigned("coroner")).entry("sips/greedy", greedy.clone());
    let system = system.entry("copy", [&greedy[..], b"x"].concat()).entry("sips/keeper", packed("keeper"));
    let granted = |services: &[&str]| Grant {
        sip: "greedy".to_owned(),
        services: services.iter().map(|service| (*service).to_owned()).collect(),
    };
    let system = system.rewire(|wiring| wiring.on_demand.push("greedy".to_owned()));
    let run = system.clone().exec("run sips/coroner; run copy; run greedy; run sips/keeper").run(LIMIT);
    let run = run.expect("the machine runs");
    let text = run.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    for line in &lines[..3] {
        assert!(line.ends_with(&not_granted("system")), "{line}");
    }
    assert!(lines[3].contains("which no running process provides"), "{text}");
    // What the wiring grants is for the image that it has, and for no other of the same name.
    let system = system.rewire(|wiring| wiring.grants.push(granted(&["system"])));
    let run = system.exec("run copy; run greedy").run(LIMIT).expect("the machine runs");
    assert!(run.text().starts_with(&format!("run: copy: {}\n", not_granted("system"))), "{}", run.text());
    assert_eq!(starts(&run.log, "greedy"), ["in a domain (unsigned)"]);
    assert_eq!(facts(&run.log, "greed").len(), 1, "{}", run.log);
}

#[test]
fn the_directory_does_not_lead_an_image_that_nobody_vouches_for_to_what_is_not_for_everybody() {
    let unsigned = without_debug_info(&image("faulty")).expect("it is an image");
    let system = whole_system().entry("sips/faulty", unsigned).entry("signed", packed("faulty"));
    let run =
        system.exec("run faulty lookup supervisor; run signed lookup supervisor; run faulty lookup pong");
    let run = run.run(LIMIT).expect("the machine runs");
    let said: Vec<&str> = run.log.lines().filter_map(|line| Some(line.split_once(": lookup ")?.1)).collect();
    assert_eq!(
        said,
        [
            "supervisor: refused: it is not for an image that nobody vouches for",
            "supervisor: refused: it speaks another contract",
            "pong: found"
        ],
        "{}",
        run.log
    );
}

#[test]
fn an_image_that_nobody_vouches_for_does_not_come_before_others() {
    let unsigned = without_debug_info(&image("console")).expect("it is an image");
    for (image, priority) in [(unsigned, "8"), (packed("console"), "9")] {
        let run =
            whole_system().entry("sips/console", image).exec("ps").run(LIMIT).expect("the machine runs");
        let text = run.text();
        let mut rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.last() == Some(&"console")).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(row[2], priority, "{text}");
    }
}

#[test]
fn every_process_of_the_system_is_vouched_for_and_the_list_has_nothing_that_none_of_them_needs() {
    let images = images();
    let mut needed = BTreeSet::new();
    for process in PROCESSES {
        let needs = vouching::judge(&images.built, process.name);
        needed.extend(needs.unwrap_or_else(|error| panic!("{}: {error:#}", process.name)));
    }
    let listed = AUDITED.iter().flat_map(|entry| entry.may.iter().map(move |may| (entry, *may)));
    let superfluous: Vec<_> = listed.filter(|entry| !needed.contains(entry)).collect();
    assert!(superfluous.is_empty(), "{superfluous:#?}");
}

#[test]
fn of_the_tests_own_processes_those_that_hold_unsafe_code_are_not_vouched_for() {
    let images = images();
    let judged = |name: &str| vouching::judge(&images.built, name).map_err(|error| format!("{error:#}"));
    let unvouched = tests::PROCESSES.iter().filter(|name| judged(name).is_err());
    assert_eq!(unvouched.copied().collect::<Vec<_>>(), tests::TRUSTED);
    let why = judged("hostile").expect_err("it holds some");
    assert!(
        why.starts_with("hostile 0.1.0: tests/guests/hostile/src/") && why.ends_with(": `unsafe`"),
        "{why}"
    );
}

#[test]
fn a_process_with_unsafe_code_runs_in_a_domain_and_cannot_be_made_to_run_elsewhere() {
    let wiring = || boot::check::check(&shipped()).expect("the processes fit together");
    let mut shipped = shipped();
    // As if it had.
    shipped
        .unvouched
        .insert("hello".to_owned(), "hello 0.1.0: sips/hello/src/main.rs:1: `unsafe`".to_owned());
    let system = System::from_images(shipped, wiring(), key()).expect("the images can be read");
    let error = system.clone().no_domain("hello").expect_err("nobody vouches for it").to_string();
    let expected =
        "--no-domain hello: nobody vouches for its image: hello 0.1.0: sips/hello/src/main.rs:1: `unsafe`";
    assert_eq!(error, expected);
    let run = system.exec("run hello").run(LIMIT).expect("the machine runs");
    assert_eq!((run.outcome, run.text().as_str()), (Outcome::Success, "Hello, world!\n"), "{}", run.log);
    assert_eq!(starts(&run.log, "hello"), ["in a domain (unsigned)"]);
}

#[test]
fn bad_keys_and_contradictions_are_named() {
    images();
    let _ = key();
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    fs::write(path("text.pem"), "a key").expect("a file");
    for (arguments, expected) in [
        (vec!["--key", &path("nobody.pem")], "nobody.pem: No such file or directory"),
        (vec!["--key", &path("text.pem")], "text.pem: it has no private key as `openssl genpkey"),
        (vec!["--no-domain", "nobody"], "--no-domain nobody: there is no process of that name"),
        (
            vec!["--domain", "hello", "--no-domain", "hello"],
            "--no-domain hello: there is --domain hello, too",
        ),
    ] {
        let (text, status) = refused(&arguments);
        assert_eq!(status, Some(2), "{text}");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error:")).collect();
        assert!(errors.len() == 1 && errors[0].contains(expected), "one message: {text}");
    }
}
