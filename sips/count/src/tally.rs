//! The sums, and how a part of a text changes them.
//!
//! White space and words are those of GNU `wc` 9.1 in a UTF-8 locale: a word is a run of characters between white space
//! that has at least one printable character; what is neither printable nor white space, bytes that are not UTF-8
//! included, neither begins nor ends one.

use crate::unicode::{is_printable, is_space};

/// The sums over all parts so far. A character may begin in one part and end in the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Newline characters.
    pub lines: u64,
    /// Words.
    pub words: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether the last character that is printable or white space was printable.
    in_word: bool,
    partial: Partial,
}

/// A character whose first bytes were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Partial {
    /// Bytes still to come; 0 between characters.
    missing: u8,
    /// What the next byte may be. After the first byte the range is narrower than that of a continuation byte, to rule
    /// out overlong forms, surrogates and what lies beyond U+10FFFF.
    lowest: u8,
    highest: u8,
    /// The bits so far.
    bits: u32,
}

/// A byte of a `u64`, eight times.
const fn eight(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// The highest bit of each byte.
const HIGH: u64 = eight(0x80);

/// The high bit of each byte that is at least `limit`; each byte of `bytes` and `limit` itself are below 0x80.
const fn at_least(bytes: u64, limit: u8) -> u64 {
    (bytes + eight(0x80 - limit)) & HIGH
}

/// How many bytes have their high bit set; they have no other bits.
const fn count(flags: u64) -> u64 {
    (flags >> 7).wrapping_mul(eight(1)) >> 56
}

impl Tally {
    /// Adds the next part of the text.
    pub fn add(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        let (chunks, rest) = part.as_chunks::<8>();
        for chunk in chunks {
            let bytes = u64::from_le_bytes(*chunk);
            if bytes & HIGH == 0 && self.partial.missing == 0 {
                self.add_ascii(bytes);
            } else {
                chunk.iter().for_each(|byte| self.add_byte(*byte));
            }
        }
        rest.iter().for_each(|byte| self.add_byte(*byte));
    }

    /// Adds eight ASCII characters, the first in the lowest byte. The work is that of some forty instructions.
    fn add_ascii(&mut self, bytes: u64) {
        let from_space = at_least(bytes, b' ');
        let from_print = at_least(bytes, b' ' + 1);
        let from_newline = at_least(bytes, b'\n');
        let space = at_least(bytes, b'\t') & !at_least(bytes, b'\r' + 1) | from_space & !from_print;
        let print = from_print & !at_least(bytes, 0x7f);
        self.lines += count(from_newline & !at_least(bytes, b'\n' + 1));

        // After each character: in a word? Printable characters say yes, white space says no, others leave it as it is:
        // a yes moves on through them, to the next byte, then two bytes further, then four.
        let mut same = HIGH & !(space | print);
        let before = if self.in_word { 0x80 } else { 0 };
        let mut in_word = print | same & before;
        if same != 0 {
            in_word |= same & in_word << 8;
            same &= same << 8;
            in_word |= same & in_word << 16;
            same &= same << 16;
            in_word |= same & in_word << 32;
        }
        self.words += count(in_word & !(in_word << 8 | before));
        self.in_word = in_word >> 63 == 1;
    }

    fn add_byte(&mut self, byte: u8) {
        let partial = &mut self.partial;
        if partial.missing != 0 {
            if (partial.lowest..=partial.highest).contains(&byte) {
                partial.bits = partial.bits << 6 | u32::from(byte & 0x3f);
                partial.missing -= 1;
                (partial.lowest, partial.highest) = (0x80, 0xbf);
                if partial.missing == 0 {
                    let character = partial.bits;
                    self.add_character(character);
                }
                return;
            }
            // What was begun is no character, and neither are its bytes one by one.
            partial.missing = 0;
        }
        let (missing, bits, lowest, highest) = match byte {
            ..0x80 => return self.add_character(u32::from(byte)),
            0xc2..=0xdf => (1, byte & 0x1f, 0x80, 0xbf),
            0xe0 => (2, 0, 0xa0, 0xbf),
            0xed => (2, 0xd, 0x80, 0x9f),
            0xe1..=0xef => (2, byte & 0xf, 0x80, 0xbf),
            0xf0 => (3, 0, 0x90, 0xbf),
            0xf1..=0xf3 => (3, byte & 0x7, 0x80, 0xbf),
            0xf4 => (3, 4, 0x80, 0x8f),
            _ => return,
        };
        *partial = Partial { missing, lowest, highest, bits: u32::from(bits) };
    }

    fn add_character(&mut self, character: u32) {
        match character {
            0x21..=0x7e => self.begin_word(),
            0x09..=0x0d | 0x20 => {
                self.lines += u64::from(character == 0x0a);
                self.in_word = false;
            }
            ..0x80 => {}
            _ if is_space(character) => self.in_word = false,
            _ if is_printable(character) => self.begin_word(),
            _ => {}
        }
    }

    fn begin_word(&mut self) {
        self.words += u64::from(!self.in_word);
        self.in_word = true;
    }
}

#[cfg(test)]
mod tests;
