//! Behind page tables, code that does whatever it likes takes nothing with it but itself.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::strip::without_debug_info;
use tests::{Fact, facts, image, system_of, whole_system};

const LIMIT: Duration = Duration::from_secs(240);

/// What an attacker does, how it ends, and how what is said of that begins.
const CASES: &[(&str, &str, &str)] = &[
    ("idle", "success", ""),
    ("null", "fault", "page fault on address 0x0 at hostile+0x"),
    ("read-kernel", "fault", "page fault on address 0xffffffff80000000 at hostile+0x"),
    ("read-sip", "fault", "page fault on address 0xffffc00001100000 at hostile+0x"),
    ("read-physical", "fault", "page fault on address 0xffff800000000000 at hostile+0x"),
    ("read-ledger", "fault", "page fault on address 0xffffd00000000000 at hostile+0x"),
    ("read-nowhere", "fault", "general protection fault at hostile+0x"),
    ("write-kernel", "fault", "page fault on address 0xffffffff80000000 at hostile+0x"),
    ("write-sip", "fault", "page fault on address 0xffffc00001100000 at hostile+0x"),
    ("write-ledger", "fault", "page fault on address 0xffffd00000000000 at hostile+0x"),
    ("write-constant", "fault", "page fault on address 0x100"),
    ("write-code", "fault", "page fault on address 0x100"),
    ("write-gate", "fault", "page fault on address 0x10001"),
    ("call-kernel", "fault", "page fault on address 0xffffffff80000000 at 0xffffffff80000000"),
    ("call-sip", "fault", "page fault on address 0xffffc00001100000 at 0xffffc00001100000"),
    ("call-constant", "fault", "page fault on address 0x100"),
    ("call-variable", "fault", "page fault on address 0x100"),
    ("call-nowhere", "fault", "general protection fault at "),
    ("halt", "fault", "general protection fault at hostile+0x"),
    ("interrupts-off", "fault", "general protection fault at hostile+0x"),
    ("interrupts-on", "fault", "general protection fault at hostile+0x"),
    ("port-in", "fault", "general protection fault at hostile+0x"),
    ("port-out", "fault", "general protection fault at hostile+0x"),
    ("msr-read", "fault", "general protection fault at hostile+0x"),
    ("msr-write", "fault", "general protection fault at hostile+0x"),
    ("space", "fault", "general protection fault at hostile+0x"),
    ("no-space", "fault", "general protection fault at hostile+0x"),
    ("no-smap", "fault", "general protection fault at hostile+0x"),
    ("debug", "fault", "general protection fault at hostile+0x"),
    ("gs", "fault", "general protection fault at hostile+0x"),
    ("return", "fault", "general protection fault at hostile+0x"),
    ("gdt", "fault", "general protection fault at hostile+0x"),
    ("timer", "fault", "general protection fault at hostile+0x"),
    ("breakpoint", "fault", "general protection fault at hostile+0x"),
    ("double-fault", "fault", "general protection fault at hostile+0x"),
    ("nmi", "fault", "general protection fault at hostile+0x"),
    ("single-step", "fault", "debug exception at hostile+0x"),
    ("segment", "fault", "general protection fault at hostile+0x"),
    // QEMU reads the stack for these as ring 0 would, and SMAP finds that first.
    ("ring", "fault", ""),
    ("interrupt-return", "fault", ""),
    ("alignment", "success", ""),
    ("direction", "success", ""),
    ("nested", "success", ""),
    ("no-gs", "success", ""),
    ("floats", "fault", "x87 floating-point error at hostile+0x"),
    ("no-stack", "success", ""),
    ("high-stack", "success", ""),
    ("calls 100000", "success", ""),
    ("boundaries", "success", ""),
    ("impostor unknown", "fault", "broke the contract Quiz: no such message comes in this state"),
    ("impostor answer", "fault", "broke the contract Quiz: no such message comes in this state"),
    ("impostor bool", "fault", "broke the contract Quiz: a bool is neither 0 nor 1"),
    ("impostor enum", "fault", "broke the contract Quiz: an enum has no such variant"),
    ("impostor char", "fault", "broke the contract Quiz: a char is no character"),
    ("impostor text", "fault", "broke the contract Quiz: a text is too long or not UTF-8"),
    ("impostor long-text", "fault", "broke the contract Quiz: a text is too long or not UTF-8"),
    ("impostor state", "fault", "broke the contract Quiz: another state follows than the sender says"),
    ("impostor no-block", "fault", "broke the contract Quiz: it carries too few blocks and endpoints"),
    ("impostor no-endpoint", "fault", "broke the contract Quiz: it carries too few blocks and endpoints"),
    ("impostor kind", "fault", "broke the contract Quiz: a block came for an endpoint"),
    ("impostor forged-channel", "fault", "broke the contract Quiz: an endpoint is of another contract"),
    ("impostor block-content", "fault", "broke the contract Quiz: an enum has no such variant"),
    ("impostor flood", "fault", "sent more messages than its contract lets be in flight"),
    ("impostor two-in-a-row", "fault", "sent before it had received what was sent to it"),
    ("impostor kernel-chain", "fault", "sent a block or an endpoint that it does not have"),
    ("impostor null-chain", "fault", "sent a block or an endpoint that it does not have"),
    ("impostor own-end", "fault", "sent a block or an endpoint that it does not have"),
    ("impostor forged", "fault", "sent a block or an endpoint that it does not have"),
    ("impostor circle", "fault", "sent a block or an endpoint that it does not have"),
    ("impostor late-write", "fault", "page fault on address 0x88"),
    ("impostor handles", "success", ""),
    ("impostor leftovers", "success", ""),
    ("panic what a pity", "panic", "what a pity at tests/guests/hostile/src/main.rs:"),
    ("overflow", "fault", "stack overflow at hostile+0x"),
    ("plunge", "fault", "stack overflow at hostile+0x"),
    ("memory", "memory", "memory allocation of 100000 bytes failed"),
    ("spin", "time", ""),
    ("threads", "success", ""),
    ("thread", "fault", "page fault on address 0x0 at hostile+0x"),
    ("fail", "failure", ""),
];

/// All attacks, several times over. One run for all tests.
fn attacks() -> &'static str {
    static LOG: OnceLock<String> = OnceLock::new();
    LOG.get_or_init(|| {
        let hostile = without_debug_info(&image("hostile")).expect("it is an image");
        let impostor = without_debug_info(&image("impostor")).expect("it is an image");
        let cases: Vec<&str> = CASES.iter().map(|(case, ..)| *case).collect();
        let system = system_of(&["archive", "oracle", "warden"]).entry("sips/hostile", hostile);
        let system = system.entry("sips/impostor", impostor).entry("cases", cases.join("\n"));
        let system =
            system.rewire(|wiring| wiring.domains.extend(["hostile".to_owned(), "impostor".to_owned()]));
        let run = system.run(LIMIT).expect("the machine runs");
        assert_eq!(run.outcome, Outcome::Success, "console: {}\nlog:\n{}", run.text(), run.log);
        run.log
    })
}

/// The facts of one kind from the last round.
fn last_round(kind: &str) -> Vec<Fact> {
    let facts = facts(attacks(), kind);
    let last = facts.last().expect("there are some").get::<u32>("round");
    facts.into_iter().filter(|fact| fact.get::<u32>("round") == last).collect()
}

#[test]
fn whatever_a_domain_tries_the_system_goes_on_and_says_what_it_was() {
    let ends = last_round("end");
    assert_eq!(ends.len(), CASES.len(), "{ends:?}");
    for ((case, how, said), end) in CASES.iter().zip(&ends) {
        let mut words = case.split(' ');
        let (first, second) = (words.next().expect("a word"), words.next().unwrap_or("-"));
        let name = format!("{first}/{second}");
        assert_eq!((end.text("case"), end.text("exit")), (name.clone(), (*how).to_owned()), "{case}");
        let line = format!("fact said-{}-{name} ", end.text("round"));
        let words = attacks().lines().find_map(|log| log.split_once(&line)).map_or("", |(_, words)| words);
        assert!(words.starts_with(said), "{case}: {words}");
    }
}

#[test]
fn the_system_calls_were_made_that_should_have_been() {
    assert!(facts(attacks(), "calls").iter().all(|fact| fact.get::<u64>("made") >= 100_000));
    assert!(facts(attacks(), "boundaries").iter().all(|fact| fact.get::<u64>("calls") > 10_000));
}

#[test]
fn when_attackers_are_gone_memory_is_back_where_it_was() {
    let memory = facts(attacks(), "memory");
    let (before, after) = (&memory[memory.len() - 2], &memory[memory.len() - 1]);
    for what in ["free_frames", "channels", "blocks"] {
        assert_eq!(before.text(what), after.text(what), "{what}: {before}, {after}");
    }
}

#[test]
fn ps_says_which_space_a_process_is_in_and_why() {
    let mut system = whole_system().entry("sips/spinner", image("spinner"));
    system = system.rewire(|wiring| wiring.domains.push("spinner".to_owned()));
    let mut guest = system.start().expect("QEMU starts");
    guest.expect("entente> ", LIMIT).expect("the shell is there");
    guest.send(b"run spinner\n").expect("the terminal is there");
    std::thread::sleep(Duration::from_millis(500));
    guest.send(b"\x03").expect("the terminal is there");
    guest.expect("entente> ", LIMIT).expect("Ctrl-C comes through, and the shell is not kept waiting");
    guest.send(b"ping 200\n").expect("the terminal is there");
    guest.expect("200 round trips", LIMIT).expect("others still talk");
    guest.send(b"ps; shutdown\n").expect("the terminal is there");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    let text = run.text();
    let row = |name: &str| {
        let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let mut found = rows.filter(|row| row.last() == Some(&name) && row.contains(&"KiB"));
        found.next().map(|row| row[row.len() - 3..].join(" ")).unwrap_or_else(|| panic!("{name}: {text}"))
    };
    assert_eq!(row("spinner"), "domain by-hand spinner");
    assert_eq!(row("shell"), "kernel signed shell");
    assert!(!run.log.contains("panicked"), "its registers were kept: {}", run.log);
}
