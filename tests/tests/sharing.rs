//! Processes of one image have in memory once what none of them can write, and nothing else in common; when they are
//! gone, so is the image.

use std::sync::OnceLock;
use std::time::Duration;

use boot::qemu::Outcome;
use boot::strip::without_debug_info;
use kernel::memory::PAGE_SIZE;
use kernel::memory::mapping::Access;
use kernel::sip::image::parse;
use tests::{Fact, facts, image, system_of};

const LIMIT: Duration = Duration::from_secs(120);

/// Twice, four twins came and went. One run for all tests.
fn census() -> &'static str {
    static LOG: OnceLock<String> = OnceLock::new();
    LOG.get_or_init(|| {
        let twin = without_debug_info(&image("twin")).expect("it is an image");
        let system = system_of(&["archive", "census"]).entry("sips/twin", twin).icount(0);
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
    assert_eq!(twins.len(), 4);
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

/// Frames that are free with so many twins, from none to all and none again.
fn free_frames() -> Vec<usize> {
    second_round("memory").iter().map(|fact| fact.get("free_frames")).collect()
}

#[test]
fn the_first_twin_takes_as_much_more_than_the_second_as_twins_share() {
    let file = image("twin");
    let parsed = parse(&file).expect("the image is good");
    let shared = parsed.segments.iter().filter(|segment| segment.access != Access::ReadWrite);
    let shared: usize = shared.map(|segment| segment.pages().1 - segment.pages().0).sum();
    let free = free_frames();
    let taken: Vec<usize> = free.windows(2).take(4).map(|pair| pair[0] - pair[1]).collect();
    assert_eq!(taken[0], taken[1] + shared, "{taken:?}, {shared} pages are shared");
    assert!(shared * PAGE_SIZE > 16 << 10, "there is something to share");
    assert!(taken[1..].iter().all(|frames| *frames == taken[1]), "{taken:?}");
}

#[test]
fn when_the_last_twin_is_gone_all_is_given_back_to_the_byte() {
    let memory = second_round("memory");
    let (first, last) = (&memory[0], &memory[memory.len() - 1]);
    for what in ["free_frames", "kernel_heap", "channels", "mapped"] {
        assert_eq!(first.text(what), last.text(what), "{what}: {first}, {last}");
    }
}

#[test]
fn a_twin_of_one_that_runs_starts_in_fewer_instructions() {
    let ticks: Vec<u64> = second_round("start").iter().map(|fact| fact.get("ticks")).collect();
    println!("instructions from the request to the twin's main function: {ticks:?}");
    assert!(ticks[1..].iter().all(|twin| *twin * 5 < ticks[0] * 4), "{ticks:?}");
}
