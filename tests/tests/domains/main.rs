//! Behind page tables, code that does whatever it likes takes nothing with it but itself.

mod cases;

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use tests::attacks::{Attacked, Oracle, run};
use tests::{facts, image, whole_system};

use cases::CASES;

const LIMIT: Duration = Duration::from_secs(240);
/// As many rounds as it takes until what the kernel keeps of faults is full, and one more.
const ROUNDS: usize = 3;

/// All attacks, several times over. One run for all tests.
fn attacks() -> &'static Attacked {
    static ATTACKED: OnceLock<Attacked> = OnceLock::new();
    ATTACKED.get_or_init(|| {
        let cases: Vec<&str> = CASES.iter().map(|(case, ..)| *case).collect();
        run(&cases, ROUNDS, Oracle::InKernel, LIMIT)
    })
}

/// Those with messages, to a peer that is in a domain itself.
fn attacks_on_a_domain() -> &'static Attacked {
    static ATTACKED: OnceLock<Attacked> = OnceLock::new();
    ATTACKED.get_or_init(|| {
        let cases: Vec<&str> =
            CASES.iter().map(|(case, ..)| *case).filter(|case| case.starts_with("impostor ")).collect();
        run(&cases, ROUNDS, Oracle::InDomain, LIMIT)
    })
}

#[test]
fn whatever_a_domain_tries_the_system_goes_on_and_says_what_it_was() {
    let ends = attacks().last_round();
    assert_eq!(ends.len(), CASES.len(), "{ends:?}");
    for ((case, how, said), end) in CASES.iter().zip(ends) {
        assert_eq!((end.case.as_str(), end.exit.as_str()), (*case, *how), "{case}: {end:?}");
        assert!(end.said.starts_with(said), "{case}: {end:?}");
    }
}

#[test]
fn what_a_domain_sends_to_another_is_refused_by_the_kernel_or_closes_the_channel() {
    let ends = attacks_on_a_domain().last_round();
    assert!(ends.len() > 25, "{ends:?}");
    for end in ends {
        let (_, how, said) = CASES.iter().find(|(case, ..)| *case == end.case).expect("it is one of them");
        let (how, said) = match end.case.as_str() {
            // What one says of a channel's state, the other does not go by.
            "impostor state" => ("panic", "it was answered"),
            // What its receiver finds is not believed about the sender.
            _ if said.starts_with("broke the contract ") => ("success", ""),
            _ => (*how, *said),
        };
        assert!(end.exit == how && end.said.starts_with(said), "{how} {said}: {end:?}");
    }
}

#[test]
fn what_is_read_of_a_block_is_not_changed_by_who_has_sent_it() {
    for attacked in [attacks(), attacks_on_a_domain()] {
        let watched = facts(&attacked.log, "watched");
        assert!(watched.len() >= ROUNDS, "{watched:?}");
        assert!(watched.iter().all(|watched| watched.get::<bool>("same")), "{watched:?}");
    }
}

#[test]
fn the_system_calls_were_made_that_should_have_been() {
    let log = &attacks().log;
    assert!(facts(log, "calls").iter().all(|fact| fact.get::<u64>("made") >= 100_000));
    assert!(facts(log, "boundaries").iter().all(|fact| fact.get::<u64>("calls") > 10_000));
}

#[test]
fn when_attackers_are_gone_memory_is_back_where_it_was() {
    attacks().gave_all_back();
    attacks_on_a_domain().gave_all_back();
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
