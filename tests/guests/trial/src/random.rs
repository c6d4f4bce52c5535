//! Numbers that look random and come out the same for the same seed.

/// A generator (xorshift64*, Vigna 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; seed 0 counts as 1.
    pub fn new(seed: u64) -> Self {
        Random(seed.max(1))
    }

    /// The next number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % limit
    }
}
