//! Random values come through and show nothing but themselves; random bytes are taken exactly if they are a value.

use std::{iter, ptr};

use contracts::binding::host::{channels, ledger};
use contracts::testing::{Native, Random, Refused, made_up};
use contracts::wire::{self, Handle, Packet};
use proptest::prelude::*;

use crate::alone;
use crate::oracle::{Beside, Look, Use};
use crate::zoo::{MESSAGES, Zoo};

/// What a message is, in wire form, which is tested elsewhere.
fn meaning(zoo: Zoo) -> Packet {
    wire::encode(zoo).expect("there is memory")
}

fn value(number: u16, seed: u64) -> Zoo {
    made_up(number, &mut Random::new(seed))
}

/// Where a block's bytes lie.
fn content(handle: &Handle) -> Option<*mut [u8]> {
    let Handle::Block(block) = handle else { return None };
    Some(ptr::slice_from_raw_parts_mut(block.address() as *mut u8, block.size()))
}

/// Writes a byte of a body or of a block.
fn write(piece: *mut [u8], place: usize, byte: u8) {
    assert!(place < piece.len());
    // SAFETY: the place lies in it, and whoever holds the message holds all its blocks.
    unsafe { piece.cast::<u8>().add(place).write(byte) };
}

fn look(native: &Native) -> (bool, Look) {
    Look::at(native.number, &native.bytes, native.handles.iter().map(Beside::from).collect())
}

/// Scrubs a message after filling what is no part of it with noise; `like` is an equal one.
fn scrubbed(zoo: Zoo, like: &Look, noise: u8) -> Native {
    Native::scrubbed(zoo, |body, handles| {
        let body = ptr::slice_from_raw_parts_mut(body.as_mut_ptr().cast(), body.len());
        let pieces = iter::once(body).chain(handles.iter().filter_map(content));
        for (piece, (_, uses)) in pieces.zip(&like.pieces) {
            for (place, _) in uses.iter().enumerate().filter(|(_, what)| **what == Use::Padding) {
                write(piece, place, noise);
            }
        }
    })
}

/// One byte made another.
#[derive(Clone, Copy, Debug)]
struct Edit {
    /// In which piece, and where, both modulo how many there are.
    piece: usize,
    place: usize,
    byte: u8,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let byte = prop_oneof![0_u8..4, any::<u8>(), Just(0xff)];
    let edit =
        (0_usize..4, any::<usize>(), byte).prop_map(|(piece, place, byte)| Edit { piece, place, byte });
    prop::collection::vec(edit, 0..4)
}

fn apply(native: &mut Native, edits: &[Edit]) {
    let body = ptr::slice_from_raw_parts_mut(native.bytes.as_mut_ptr(), native.bytes.len());
    let pieces: Vec<_> = iter::once(body).chain(native.handles.iter().filter_map(content)).collect();
    for edit in edits {
        let piece = pieces[edit.piece % pieces.len()];
        if let Some(place) = edit.place.checked_rem(piece.len()) {
            write(piece, place, edit.byte);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_scrubbed_shows_the_value_and_nothing_else_and_is_adopted_as_the_value(
        number in 0..MESSAGES, seed: u64, noise: u8,
    ) {
        let _alone = alone();
        let first = Native::scrubbed(value(number, seed), |_, _| {});
        let (valid, like) = look(&first);
        prop_assert!(valid, "a value is one");
        let native = scrubbed(value(number, seed), &like, noise | 1);
        let (valid, seen) = look(&native);
        prop_assert!(valid);
        for ((bytes, uses), (first, _)) in seen.pieces.iter().zip(&like.pieces) {
            for (place, (byte, what)) in bytes.iter().zip(uses).enumerate() {
                // What was noise, and addresses, are zero; the value is as it was.
                let expected = if *what == Use::Value { first[place] } else { 0 };
                prop_assert_eq!(*byte, expected, "{:?} at {} of {:?}", what, place, bytes);
            }
        }
        let adopted = native.adopt::<Zoo>();
        prop_assert!(adopted.as_ref().err().is_none(), "{:?}", adopted.err());
        let (adopted, original) = (meaning(adopted.unwrap_or_else(|_| unreachable!())), meaning(value(number, seed)));
        prop_assert!(adopted.is_like(&original), "{:?} is not {:?}", adopted, original);
    }

    #[test]
    fn bytes_are_adopted_exactly_if_they_are_a_value(number in 0..MESSAGES, seed: u64, edits in edits()) {
        let _alone = alone();
        let before = (ledger().len(), channels());
        let mut native = Native::scrubbed(value(number, seed), |_, _| {});
        apply(&mut native, &edits);
        let (valid, seen) = look(&native);
        match native.adopt::<Zoo>() {
            Ok(zoo) => {
                prop_assert!(valid, "it was taken");
                // Whatever was in it can be read, and is what was seen.
                let again = Native::scrubbed(zoo, |_, _| {});
                let (valid, read) = look(&again);
                prop_assert!(valid);
                for ((bytes, uses), (before, _)) in read.pieces.iter().zip(&seen.pieces) {
                    for (place, _) in uses.iter().enumerate().filter(|(_, what)| **what == Use::Value) {
                        prop_assert_eq!(bytes[place], before[place]);
                    }
                }
                drop(again.adopt::<Zoo>());
            }
            Err(refused) => prop_assert!(!valid && refused != Refused::Unknown, "{:?}", refused),
        }
        prop_assert_eq!((ledger().len(), channels()), before, "nothing is left");
    }

    #[test]
    fn a_body_of_random_bytes_is_adopted_exactly_if_it_is_a_value(
        number in 0..MESSAGES, seed: u64, random in prop::collection::vec(prop_oneof![0_u8..3, any::<u8>()], 256),
    ) {
        let _alone = alone();
        let mut native = Native::scrubbed(value(number, seed), |_, _| {});
        let length = native.bytes.len();
        native.bytes.copy_from_slice(&random[..length]);
        let (valid, _) = look(&native);
        prop_assert_eq!(native.adopt::<Zoo>().is_ok(), valid);
    }
}

#[test]
fn every_variant_is_among_the_values_that_are_made_up() {
    let _alone = alone();
    // The first byte of each enum of the message of enums with fields; five variants each.
    for place in [0, 24, 40, 56, 80] {
        let found = (0..200).map(|seed| Native::scrubbed(value(5, seed), |_, _| {}).bytes[place]);
        assert_eq!(found.collect::<std::collections::BTreeSet<_>>().len(), 5);
    }
}
