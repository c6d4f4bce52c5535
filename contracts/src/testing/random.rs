//! Values made up, the same for the same seed.

/// A source of numbers that look random: SplitMix64 (Steele, Lea, Flood 2014). It prefers values that break things: the
/// smallest, the largest, and what lies next to them.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// A block that is made up has no more bytes than this.
const LARGEST_BLOCK: usize = 16 << 10;

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Random { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// A number below `count`, 0 if there is none.
    pub fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// A number of at most `bits` bits, 1 to 128.
    pub(crate) fn number(&mut self, bits: u32) -> u128 {
        let largest = u128::MAX >> (128 - bits);
        match self.below(8) {
            0 => 0,
            1 => largest,
            2 => largest - 1,
            3 => largest >> 1,
            4 => self.below(16) as u128 & largest,
            _ => {
                let wide = u128::from(self.bits()) << 64 | u128::from(self.bits());
                (wide & largest) >> self.below(bits as usize)
            }
        }
    }

    /// A byte.
    pub(crate) fn byte(&mut self) -> u8 {
        match self.below(4) {
            0 => b'a' + self.below(26) as u8,
            1 => [0, 1, 0x7f, 0x80, 0xff, b'\n', b' ', b'0'][self.below(8)],
            _ => self.bits() as u8,
        }
    }

    /// A character.
    pub(crate) fn char(&mut self) -> char {
        match self.below(4) {
            0 => ['\0', '\n', 'é', '€', '\u{1f600}', char::MAX][self.below(6)],
            1 => char::from_u32(self.below(0x11_0000) as u32).unwrap_or(char::REPLACEMENT_CHARACTER),
            _ => char::from(b' ' + self.below(95) as u8),
        }
    }

    /// A text at the start of `buffer`; its length in bytes.
    pub(crate) fn text(&mut self, buffer: &mut [u8]) -> usize {
        let wanted = if self.below(4) == 0 { buffer.len() } else { self.below(20) };
        let mut length = 0;
        while length < wanted {
            let mut bytes = [0; 4];
            let char = self.char().encode_utf8(&mut bytes);
            let Some(room) = buffer.get_mut(length..length + char.len()) else { break };
            room.copy_from_slice(char.as_bytes());
            length += char.len();
        }
        length
    }

    /// How many elements of this size a block has.
    pub(crate) fn length(&mut self, element_bytes: usize) -> usize {
        let largest = LARGEST_BLOCK / element_bytes.max(1);
        match self.below(8) {
            0 => 0,
            1 => self.below(largest + 1),
            2 => 1,
            _ => self.below(largest.min(64) + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_up_the_same() {
        let some = |seed| {
            let mut random = Random::new(seed);
            (0..100).map(|_| random.number(64)).collect::<Vec<_>>()
        };
        assert_eq!(some(1), some(1));
        assert_ne!(some(1), some(2));
    }

    #[test]
    fn a_number_has_no_more_bits_than_asked_for() {
        let mut random = Random::new(0);
        for bits in [1, 16, 64, 127, 128] {
            assert!((0..1000).all(|_| random.number(bits) <= u128::MAX >> (128 - bits)));
        }
    }
}
