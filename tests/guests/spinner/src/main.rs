//! Never waits. It computes the same over and over, in general and in vector registers, and panics if a result differs:
//! then whoever took the core away from it did not give its registers back as they were.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::hint::black_box;

rt::manifest! {
    main: main,
}

fn main(_grants: Grants) {
    let expected = (integers(black_box(7)), floats(black_box(7.0)));
    let mut rounds = 0u64;
    loop {
        let found = (integers(black_box(7)), floats(black_box(7.0)));
        assert_eq!(found, expected, "after {rounds} rounds");
        rounds += 1;
        if rounds.is_power_of_two() {
            rt::log!("fact spin rounds={rounds}");
        }
    }
}

/// A long dependent computation in general registers and flags.
fn integers(seed: u64) -> u64 {
    (0..1000u64).fold(seed, |hash, i| (hash ^ i).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(7))
}

/// A long computation in many vector registers at once.
fn floats(seed: f64) -> [u64; 8] {
    let mut lanes = [seed; 8];
    for round in 1..500 {
        for (lane, value) in lanes.iter_mut().enumerate() {
            *value = *value * 0.999 + f64::from(round) / (lane as f64 + 1.5);
        }
    }
    lanes.map(f64::to_bits)
}
