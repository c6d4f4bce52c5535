//! Whatever is done to an image, the loader's parser either refuses it or accepts what it may map: it never panics.

use kernel::memory::PAGE_SIZE;
use kernel::memory::mapping::Access;
use kernel::sip::image::{MOST_BYTES, Parsed, parse};
use tests::image;

/// What the loader relies on.
fn check(image: &Parsed<'_>) {
    let mut next_page = 0;
    for segment in &image.segments {
        let (first, end) = segment.pages();
        assert!(first >= next_page && end > first, "segments are in order and share no page");
        assert!(segment.offset + segment.bytes <= MOST_BYTES, "an image is not too large");
        assert!(segment.data.len() as u64 <= segment.bytes, "a segment has room for its data");
        next_page = end;
    }
    assert!(next_page <= image.pages && image.pages as u64 <= MOST_BYTES / PAGE_SIZE as u64);
    let within = |at: u64, bytes: u64, access: Access| {
        image.segments.iter().any(|segment| {
            let end = segment.offset + segment.bytes;
            segment.access == access && at >= segment.offset && at + bytes <= end
        })
    };
    assert!(within(image.entry, 1, Access::ReadExecute), "the entry point is code");
    for relocation in &image.relocations {
        assert!(within(relocation.offset, 8, Access::ReadWrite), "a relocation writes to writable memory");
        assert!(relocation.addend <= (image.pages * PAGE_SIZE) as u64, "and points into the image");
    }
}

#[test]
fn an_image_cut_short_anywhere_is_refused() {
    let good = image("hello");
    check(&parse(&good).expect("the image is good"));
    let ends = (0..2048).chain((2048..good.len()).step_by(997)).chain(good.len() - 512..good.len());
    for end in ends {
        assert!(parse(&good[..end]).is_err(), "cut at {end} of {}", good.len());
    }
}

/// Images are told apart by what parsing says it read.
#[test]
fn bytes_of_the_file_that_an_image_does_not_name_do_not_matter() {
    for name in ["hello", "shell", "dealer"] {
        let good = image(name);
        let expected = parse(&good).expect("the image is good");
        let mut named = vec![false; good.len()];
        let symbols = expected.symbols.clone().expect("the image has symbols");
        let parts = expected.rest.iter().cloned().chain([symbols.table, symbols.names]);
        for range in parts.chain(expected.segments.iter().map(|s| s.file())) {
            named[range].fill(true);
        }
        let noise = |at: usize| (at as u8).wrapping_mul(151) ^ 0x5a;
        let bytes = good.iter().zip(&named).enumerate();
        let other: Vec<u8> =
            bytes.map(|(at, (byte, named))| if *named { *byte } else { noise(at) }).collect();
        assert!(named.iter().filter(|named| !**named).count() > 100_000, "there is much else in {name}");
        assert_eq!(parse(&other).as_ref(), Ok(&expected), "{name}");
    }
}

#[test]
fn an_image_with_random_bytes_changed_is_refused_or_sound() {
    let good = image("hello");
    let mut state = 7u64;
    let mut below = |limit: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let word = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().expect("eight bytes")) as usize;
    // The ELF header, the program headers, the section headers, and what the sections hold that the parser reads.
    let (programs, sections) = (word(32), word(40));
    let mut areas = vec![(0, 64), (programs, 12 * 56), (sections, good.len() - sections)];
    for header in (sections..good.len() - 63).step_by(64) {
        let kind = u32::from_le_bytes(good[header + 4..header + 8].try_into().expect("four bytes"));
        // SHT_RELA and SHT_DYNAMIC. (System V ABI, chapter 4)
        if kind == 4 || kind == 6 {
            areas.push((word(header + 24), word(header + 32)));
        }
    }
    let (mut refused, mut accepted) = (0, 0);
    let mut bad = good.clone();
    for _ in 0..20_000 {
        let mut changed = Vec::new();
        for _ in 0..=below(4) {
            let (start, length) = areas[below(areas.len())];
            let at = start + below(length);
            changed.push((at, bad[at]));
            bad[at] = match below(3) {
                0 => 0xff,
                1 => 0,
                _ => below(256) as u8,
            };
        }
        match parse(&bad) {
            Ok(image) => {
                check(&image);
                accepted += 1;
            }
            Err(_) => refused += 1,
        }
        for (at, byte) in changed.into_iter().rev() {
            bad[at] = byte;
        }
    }
    assert!(refused > 1000 && accepted > 1000, "{refused} refused, {accepted} accepted");
}
