extern crate std;

use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use contracts::ExBox;
use contracts::spec::count::Count;
use contracts::spec::count::count::{ClientCounting, ClientFinishing};
use contracts::{Contract, EndpointSet};

/// The definition, word for word: decode, then look at one character at a time.
fn plainly(text: &[u8]) -> (u64, u64, u64) {
    let (mut lines, mut words, mut in_word) = (0, 0, false);
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            lines += u64::from(character == '\n');
            let (space, printable) = match character {
                '\t'..='\r' | ' ' => (true, false),
                '\0'..='\x7f' => (false, character.is_ascii_graphic()),
                _ => (is_space(character as u32), is_printable(character as u32)),
            };
            if space {
                in_word = false;
            } else if printable && !in_word {
                words += 1;
                in_word = true;
            }
        }
    }
    (lines, words, text.len() as u64)
}

fn in_parts(text: &[u8], sizes: &[usize]) -> (u64, u64, u64) {
    let mut tally = Tally::default();
    let (mut rest, mut sizes) = (text, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().copied().unwrap_or(text.len()).min(rest.len());
        let (part, after) = rest.split_at(size);
        tally.add(part);
        rest = after;
    }
    (tally.lines, tally.words, tally.bytes)
}

/// Bytes of the kinds that matter, close together.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<u8>().prop_map(|byte| Vec::from([byte])),
        any::<char>().prop_map(|character| String::from(character).into_bytes()),
        prop::sample::select(Vec::from([
            "\n",
            " ",
            "word",
            "\u{a0}",
            "\u{3000}",
            "\u{301}",
            "\0",
            "a much longer row of words"
        ]))
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_sums_are_those_of_the_definition_however_the_text_is_cut(
        text in mixed(),
        sizes in prop::collection::vec(1..20usize, 0..5),
    ) {
        prop_assert_eq!(in_parts(&text, &sizes), plainly(&text));
    }

    #[test]
    fn the_sums_of_random_bytes_are_those_of_the_definition(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(in_parts(&text, &[]), plainly(&text));
    }
}

#[test]
fn sums_are_those_that_wc_prints() {
    // From `printf ... | LC_ALL=C.UTF-8 wc` of GNU coreutils 9.1.
    for (text, sums) in [
        (&b""[..], (0, 0, 0)),
        (b"one line without an end", (0, 5, 23)),
        (b"\n\n\n", (3, 0, 3)),
        (b" a\tb\x0bc\x0cd\re\n", (1, 5, 11)),
        (b"\x01 \x02 a\x01b \xff\xfe", (0, 1, 10)),
        ("a — b → c \u{a0} \u{3000} x\u{3000}y \x01 z".as_bytes(), (0, 8, 30)),
    ] {
        assert_eq!(in_parts(text, &[]), sums, "{:?}", text.utf8_chunks());
    }
}

#[test]
fn each_client_gets_its_block_back_and_the_sums_of_its_own_text() {
    let mut clients = Vec::new();
    let (mut first, server) = Count::channel().expect("memory");
    clients.push(server);
    let (mut second, server) = Count::channel().expect("memory");
    clients.push(server);
    std::thread::spawn(|| {
        let mut set = EndpointSet::new().expect("memory");
        clients.into_iter().for_each(|client| set.insert(client, Tally::default()));
        crate::serve(set)
    });
    for part in ["one two", " three\n", "more than the length says"] {
        let length = if part.starts_with("more") { 0 } else { part.len() as u64 };
        let block = ExBox::copy_of(part.as_bytes()).expect("memory");
        let address = block.address();
        let ClientCounting::Counted { block, next } = first.part(block, length).receive().expect("served");
        assert_eq!(block.address(), address);
        first = next;
        let ClientCounting::Counted { next, .. } = second.part(block, u64::MAX).receive().expect("served");
        second = next;
    }
    for _ in 0..2 {
        let ClientFinishing::Totals { lines, words, bytes, next } =
            second.finish().receive().expect("served");
        assert!([(1, 8, 39), (0, 0, 0)].contains(&(lines, words, bytes)), "{lines} {words} {bytes}");
        second = next;
    }
    let ClientFinishing::Totals { lines, words, bytes, .. } = first.finish().receive().expect("served");
    assert_eq!((lines, words, bytes), (1, 3, 14));
}
