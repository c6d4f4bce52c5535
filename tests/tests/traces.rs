//! What the kernel keeps of a process that failed names the functions that it was in, wherever it was.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use tests::{PLACEMENTS, Placement, packed, system_of};

const LIMIT: Duration = Duration::from_secs(120);

/// Processes that failed in many ways, or were ended; those who ask are the first program, and they are the second. One run
/// each for all tests.
fn logs() -> &'static [(Placement, String)] {
    static LOGS: OnceLock<Vec<(Placement, String)>> = OnceLock::new();
    LOGS.get_or_init(|| {
        let run = |placement: Placement| {
            let system = system_of(&["archive", "coroner"]).entry("sips/nested", packed("nested"));
            let system = placement.place(system, &["archive", "coroner"], &["nested"]);
            let run = system.run(LIMIT).expect("the machine runs");
            assert_eq!(run.outcome, Outcome::Success, "console: {}\nlog:\n{}", run.text(), run.log);
            (placement, run.log)
        };
        PLACEMENTS.map(run).into()
    })
}

/// The log of the run in the kernel's space.
fn log() -> &'static str {
    &logs()[0].1
}

/// The records of a case in a log, each in lines.
fn records_in<'a>(log: &'a str, case: &str) -> Vec<Vec<&'a str>> {
    let marker = format!("record {case}| ");
    let lines: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once(&marker)?.1)).collect();
    let records: Vec<_> = lines.split(|line| *line == "end").map(<[_]>::to_vec).collect();
    records.into_iter().filter(|record| !record.is_empty()).collect()
}

fn records(case: &str) -> Vec<Vec<&'static str>> {
    records_in(log(), case)
}

fn record_in<'a>(log: &'a str, case: &str) -> Vec<&'a str> {
    let [record] = &records_in(log, case)[..] else { panic!("{case} has one record:\n{log}") };
    record.clone()
}

fn record(case: &str) -> Vec<&'static str> {
    record_in(log(), case)
}

/// The functions of a record's backtrace, the innermost first; an address that is in none as it is.
fn functions<'a>(record: &[&'a str]) -> Vec<&'a str> {
    let lines = record.iter().skip_while(|line| **line != "backtrace:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    lines
        .map(|line| {
            let (place, name) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
            match name.rsplit_once("+0x") {
                Some((name, _)) => name,
                None => place,
            }
        })
        .collect()
}

/// Who calls `nested::inner`, out to the entry point.
const CALLERS: [&str; 4] = ["nested::middle", "nested::outer", "rt::start::run", "_start"];

/// The functions of a case's backtrace from the innermost to `nested::inner`; who calls that is as it should be.
fn up_to_inner(record: &[&'static str]) -> Vec<&'static str> {
    let functions = functions(record);
    let inner = functions.iter().position(|name| *name == "nested::inner");
    let inner = inner.unwrap_or_else(|| panic!("it was in nested::inner: {record:#?}"));
    assert_eq!(functions[inner + 1..], CALLERS, "{record:#?}");
    functions[..=inner].to_vec()
}

#[test]
fn a_fault_is_traced_from_the_instruction_outwards() {
    let body = record("body");
    assert!(body[0].contains("faulted: invalid opcode at nested+0x"), "{body:#?}");
    assert!(body[0].ends_with(" in nested::inner"), "{body:#?}");
    assert_eq!(up_to_inner(&body), ["nested::inner"]);
    assert!(body.contains(&"registers:") && body.iter().any(|line| line.contains("rip ")), "{body:#?}");
}

#[test]
fn a_fault_where_no_frame_is_kept_is_traced_all_the_same() {
    // In a precompiled function that calls nobody, in one written by hand, where there is no code at all.
    assert_eq!(
        up_to_inner(&record("leaf")),
        ["core::str::converts::from_utf8", "nested::valid", "nested::inner"]
    );
    assert_eq!(up_to_inner(&record("copy")), ["contracts::freestanding::memmove", "nested::inner"]);
    assert_eq!(up_to_inner(&record("astray")), ["0x1234", "nested::inner"]);
}

#[test]
fn a_panic_is_traced_through_the_library_and_keeps_its_place() {
    let machinery = ["rt::start::panicked", "__rustc::rust_begin_unwind", "core::panicking::panic_fmt"];
    for (case, message, through) in [
        ("panic", "from within", None),
        (
            "bounds",
            "index out of bounds: the len is 3 but the index is 3",
            Some("core::panicking::panic_bounds_check"),
        ),
        ("expect", "something", Some("core::option::expect_failed")),
    ] {
        let record = record(case);
        let start = format!("panicked: {message} at tests/guests/nested/src/main.rs:");
        let (_, place) = record[0].split_once(&start).unwrap_or_else(|| panic!("{record:#?}"));
        let place: Vec<u32> = place.split(':').map(|part| part.parse().expect("a number")).collect();
        assert_eq!(place.len(), 2, "line and column: {record:#?}");
        let expected: Vec<&str> = machinery.into_iter().chain(through).chain(["nested::inner"]).collect();
        assert_eq!(up_to_inner(&record), expected);
    }
    let format = up_to_inner(&record("format"));
    assert_eq!(format[..2], ["<nested::Faulty as core::fmt::Display>::fmt", "core::fmt::write"]);
    assert_eq!(format[format.len() - 3..], [machinery[1], machinery[2], "nested::inner"]);
}

#[test]
fn an_overflow_is_traced_in_a_few_lines() {
    // By the process's own calls, and by one of the kernel.
    let entry = record("entry");
    assert!(entry.iter().any(|line| line.starts_with("address: 0xffffc0")), "{entry:#?}");
    assert!(entry[0].contains("faulted: stack overflow at nested+0x"), "{entry:#?}");
    let found = up_to_inner(&entry);
    assert_eq!(found[1..], ["nested::descend", "nested::inner"], "{entry:#?}");
    assert!(
        entry.iter().any(|line| line.contains("nested::descend+") && line.ends_with(" more")),
        "{entry:#?}"
    );
    let kernel = record("kernel");
    let found = up_to_inner(&kernel);
    assert_eq!(found[..2], ["rt::clock::now", "nested::ask"], "{kernel:#?}");
}

#[test]
fn a_process_that_was_killed_is_traced_from_wherever_it_was() {
    let records = records("spin");
    assert_eq!(records.len(), 40);
    let mut places = Vec::new();
    for record in &records {
        let functions = functions(record);
        assert_eq!(functions.last(), Some(&"_start"), "{record:#?}");
        if functions.contains(&"nested::spin") {
            let inwards = up_to_inner(record);
            let [at @ .., "nested::inner"] = &inwards[..] else { panic!("{record:#?}") };
            let inner = ["nested::step", "core::str::converts::from_utf8"];
            let is_right = match at {
                ["nested::spin"] => true,
                [callee, "nested::spin"] => inner.contains(callee),
                _ => false,
            };
            assert!(is_right, "{record:#?}");
            places.push(record.iter().find(|line| line.starts_with("  nested+")).expect("a place"));
        }
    }
    assert!(places.len() > 20, "most were ended where they stay");
    places.sort_unstable();
    places.dedup();
    assert!(places.len() > 5, "it was ended in many places: {places:#?}");
}

#[test]
fn a_process_that_waits_is_traced_through_the_kernel() {
    let wait = record("wait");
    let found = up_to_inner(&wait);
    assert!(found.iter().any(|name| name.starts_with("kernel::sched::")), "{wait:#?}");
    assert!(found.contains(&"contracts::time::sleep_until"), "{wait:#?}");
}

#[test]
fn registers_that_lead_nowhere_end_the_trace_and_nothing_else() {
    let lost: Vec<&str> = log()
        .lines()
        .filter_map(|line| line.split_once("record ")?.1.split_once("| end"))
        .map(|(case, _)| case)
        .collect();
    let lost: Vec<&str> =
        lost.into_iter().filter(|case| case.starts_with("frame ") || case.starts_with("stack ")).collect();
    assert_eq!(lost.len(), 9, "the system went on each time");
    for case in lost {
        assert_eq!(functions(&record(case)), ["nested::inner"], "{case}");
    }
    assert_eq!(functions(&record("loop")), ["nested::inner", "nested::inner"]);
}

#[test]
fn a_record_holds_the_last_lines_that_the_process_itself_has_logged() {
    let said = |case| {
        let lines = record(case).into_iter().skip_while(|line| *line != "last log lines:").skip(1);
        lines.map(|line| line.rsplit_once("): ").map_or(line, |(_, text)| text)).collect::<Vec<_>>()
    };
    assert_eq!(
        said("panic"),
        ["line 3", "line 4", "line 5", "line 6", "line 7", "line 8", "line 9", "line 10"]
    );
    assert_eq!(said("body"), ["  none"]);
    // However many channels it had.
    assert_eq!(said("channels"), ["300 channels"]);
    let channels = record("channels");
    let more = channels.iter().position(|line| *line == "  and 568 more");
    assert_eq!(more.map(|more| channels[more + 1]), Some("last log lines:"), "{channels:#?}");
}

#[test]
fn wherever_a_process_runs_its_record_names_the_same_functions() {
    let cases = [
        "body", "panic", "bounds", "expect", "format", "leaf", "copy", "astray", "loop", "frame 0", "stack 8",
    ];
    for (placement, log) in logs() {
        for case in cases {
            let (found, there) = (record_in(log, case), record(case));
            let mut expected = functions(&there);
            if placement.second && case == "leaf" {
                // It stops where no frame is kept. In a domain frame pointers alone are followed, and leave a caller out.
                expected.retain(|function| *function != "nested::valid");
            }
            assert_eq!(functions(&found), expected, "{case}, {placement:?}");
        }
    }
}
