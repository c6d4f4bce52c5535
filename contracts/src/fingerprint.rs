//! Fingerprints: 64-bit FNV-1a hashes, computable in constants.
//!
//! They tell versions of a contract apart, they do not resist an adversary: images that nobody vouches for
//! are validated at the gate, whatever fingerprint they show.

/// The hash of nothing: FNV-1a's 64-bit offset basis.
pub const SEED: u64 = 0xcbf2_9ce4_8422_2325;

const PRIME: u64 = 0x0000_0100_0000_01b3;

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

/// Adds the eight bytes of `value`, least significant first.
pub const fn mix(hash: u64, value: u64) -> u64 {
    let bytes = value.to_le_bytes();
    let mut hash = hash;
    let mut i = 0;
    while i < bytes.len() {
        hash = byte(hash, bytes[i]);
        i += 1;
    }
    hash
}

/// Adds a text and its length, so that two texts in a row differ from their concatenation.
pub const fn text(hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = hash;
    let mut i = 0;
    while i < bytes.len() {
        hash = byte(hash, bytes[i]);
        i += 1;
    }
    mix(hash, bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_apart_where_one_text_ends() {
        assert_ne!(text(text(SEED, "ab"), "c"), text(text(SEED, "a"), "bc"));
        assert_ne!(mix(SEED, 1), mix(SEED, 1 << 8));
    }

    #[test]
    fn a_single_byte_hashes_as_the_published_fnv_1a_vector() {
        // Fowler, Noll, Vo: FNV-1a 64 of "a".
        assert_eq!(byte(SEED, b'a'), 0xaf63_dc4c_8601_ec8c);
    }
}
