//! What a process takes: processes of one image have in memory once what none of them can write, and nothing else in
//! common; when they are gone, so is the image.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use kernel::memory::PAGE_SIZE;
use kernel::memory::mapping::Access;
use kernel::sip::image::parse;
use tests::{Fact, facts, image, packed, system_of};

const LIMIT: Duration = Duration::from_secs(120);

/// Twins that are there at once.
const TWINS: usize = 4;

/// Twice, four twins came and went. One run for all tests.
fn census() -> &'static str {
    static LOG: OnceLock<String> = OnceLock::new();
    LOG.get_or_init(|| {
        let system = system_of(&["archive", "census"]).entry("sips/twin", packed("twin")).icount(0);
        let run = system.run(LIMIT).expect("the machine runs");
        assert_eq!(run.outcome, Outcome::Success, "console: {}\nlog:\n{}", run.text(), run.log);
        run.log
    })
}

/// The facts of one kind from the round in which nothing is made for the first time.
fn second_round(kind: &str) -> Vec<Fact> {
    let facts = facts(census(), kind).into_iter();
    facts.filter(|fact| fact.get::<u32>("round") == 1).collect()
}

#[test]
fn what_no_twin_can_write_is_in_memory_once_and_all_else_for_each() {
    let twins = second_round("twin");
    assert_eq!(twins.len(), TWINS);
    for (index, twin) in twins.iter().enumerate() {
        for other in &twins[..index] {
            for part in ["code", "constant"] {
                assert_eq!(twin.text(part), other.text(part), "{part} lies in the same place");
            }
            for part in ["pointer", "variable", "stack"] {
                assert_ne!(twin.text(part), other.text(part), "{part} lies in another place");
            }
        }
        for part in ["code", "constant", "pointer", "variable", "stack"] {
            assert_ne!(twin.get::<u64>(part), u64::MAX, "{part} is mapped");
        }
    }
}

/// Pages that each further twin takes, but for those of blocks. Some take one more for the channels of several.
fn pages_taken() -> Vec<usize> {
    let memory = second_round("memory");
    let left =
        memory.iter().map(|fact| fact.get::<usize>("free_frames") + fact.get::<usize>("mapped") / PAGE_SIZE);
    let left: Vec<usize> = left.take(1 + TWINS).collect();
    left.windows(2).map(|pair| pair[0] - pair[1]).collect()
}

/// Bytes of its image that twins have in common.
fn shared() -> usize {
    let file = image("twin");
    let parsed = parse(&file).expect("the image is good");
    let shared = parsed.segments.iter().filter(|segment| segment.access != Access::ReadWrite);
    shared.map(|segment| segment.pages().1 - segment.pages().0).sum::<usize>() * PAGE_SIZE
}

#[test]
fn the_first_twin_takes_as_much_more_than_others_as_twins_share() {
    let (taken, shared) = (pages_taken(), shared() / PAGE_SIZE);
    let least = taken.iter().min().expect("there are twins");
    assert!(taken[0] >= least + shared, "{taken:?}, {shared} pages are shared");
    assert!(shared > 4, "there is something to share");
}

#[test]
fn a_small_process_takes_less_than_64_kib() {
    let pages = pages_taken().iter().sum::<usize>() * PAGE_SIZE - shared();
    let heap: Vec<usize> = second_round("memory").iter().map(|fact| fact.get("kernel_heap")).collect();
    // But for the first, which brings the image.
    let records = heap[TWINS] - heap[1];
    let each = (pages / TWINS, records / (TWINS - 1));
    println!("a twin takes {} bytes of pages and {} of the kernel's heap", each.0, each.1);
    assert!(each.0 + each.1 < 64 << 10, "{each:?}");
}

#[test]
fn the_list_of_processes_says_what_a_twin_has_for_itself_and_what_it_shares() {
    let least = pages_taken().into_iter().min().expect("there are twins");
    for listed in second_round("listed") {
        assert_eq!(listed.get::<usize>("memory"), least * PAGE_SIZE, "{listed}");
        assert_eq!(listed.get::<usize>("shared"), shared(), "{listed}");
    }
}

#[test]
fn when_the_last_twin_is_gone_all_is_given_back_to_the_byte() {
    let memory = second_round("memory");
    let (first, last) = (&memory[0], &memory[memory.len() - 1]);
    for what in ["free_frames", "kernel_heap", "channels", "mapped"] {
        assert_eq!(first.text(what), last.text(what), "{what}: {first}, {last}");
    }
}

/// Instructions from the request, which brings the image's file, to the main function of a twin of one that runs, as
/// measured; lower it when they get fewer. Two in five of them compare the file with the image.
const START: u64 = 38_900;

#[test]
fn a_twin_of_one_that_runs_starts_in_fewer_instructions_and_no_more_than_it_did() {
    let ticks: Vec<u64> = second_round("start").iter().map(|fact| fact.get("ticks")).collect();
    println!("instructions from the request to the twin's main function: {ticks:?}");
    for twin in &ticks[1..] {
        assert!(twin * 5 < ticks[0] * 4, "{ticks:?}");
        assert!(twin * 100 <= START * 110, "it was {START}: {ticks:?}");
    }
}
