//! What a process's life takes, from its start to its end, alone and among thousands of others: the figures of
//! `cargo run -- bench life`.

use std::sync::OnceLock;

use boot::bench::life::{self, Life, Spans};
use tests::images;

/// One run for all tests.
fn life() -> &'static Life {
    static LIFE: OnceLock<Life> = OnceLock::new();
    LIFE.get_or_init(|| life::count(images()).expect("lives can be measured"))
}

/// Instructions of a life's parts as measured; lower them when they get fewer.
const ALONE: Spans = Spans { start: 23_860, kill: 49_720, end: 22_420 };

#[test]
fn no_part_of_a_life_takes_more_instructions_than_it_did() {
    let (_, alone) = life().among[0];
    println!("{alone:?}");
    for (now, was) in [(alone.start, ALONE.start), (alone.kill, ALONE.kill), (alone.end, ALONE.end)] {
        assert!(now * 100 <= was * 105, "{alone:?}, it was {ALONE:?}");
    }
}

#[test]
fn no_part_of_a_life_takes_longer_among_thousands_of_others() {
    let among = &life().among;
    let (others, first) = among[0];
    assert!(others == 0 && among.len() > 5, "{among:?}");
    for (_, now) in &among[1..] {
        for (now, alone) in [(now.start, first.start), (now.kill, first.kill), (now.end, first.end)] {
            assert!(now * 100 <= alone * 105, "{among:?}");
        }
    }
}

/// Processes that are there at once in 512 MiB as measured; raise it when they get more.
const MOST: u64 = 8915;

#[test]
fn more_than_5000_processes_are_there_at_once_in_512_mib_each_with_a_channel() {
    let Life { most, channels, .. } = life();
    println!("{most} processes, {channels} channels");
    assert!(*most > 5000 && most * 100 >= MOST * 99, "{most}, it was {MOST}");
    assert!(*channels >= 2 * most, "each has one to its console, and one tells of its end: {channels}");
}

/// Bytes that one has for itself as measured; lower it when they get fewer.
const BYTES: u64 = 59_412;

#[test]
fn a_process_that_says_hello_has_less_than_64_kib_for_itself() {
    let memory = life().memory;
    assert!(
        memory.sum() < 64 << 10 && memory.sum() * 100 <= BYTES * 101,
        "{} bytes, it was {BYTES}: {memory:?}",
        memory.sum()
    );
    assert!(
        memory.registers > 512 && memory.registers < memory.records,
        "FXSAVE's area is 512 bytes: {memory:?}"
    );
    // What fits in memory says the same, but for what the kernel and the measuring process have.
    let (most, machine) = (life().most, 512 << 20);
    assert!(
        most * memory.sum() <= machine && (most + most / 20) * memory.sum() > machine,
        "{most}: {memory:?}"
    );
}

#[test]
fn when_thousands_are_gone_everything_is_given_back_to_the_byte() {
    let rounds = life().sums.iter().filter(|fact| fact.get::<u32>("round") == 1);
    let [before, after] = rounds.collect::<Vec<_>>()[..] else { panic!("{:?}", life().sums) };
    for what in ["free_frames", "kernel_heap", "channels", "mapped", "blocks"] {
        assert_eq!(before.text(what), after.text(what), "{what}: {before}, {after}");
    }
}
