//! Error messages that are put together in a constant, where `format!` does not work.

/// An error message.
pub(crate) struct Words {
    bytes: [u8; 512],
    length: usize,
}

impl Words {
    /// None yet.
    pub(crate) const fn new() -> Words {
        Words { bytes: [0; 512], length: 0 }
    }

    /// As much of `text` as there is room for.
    pub(crate) const fn and(mut self, text: &str) -> Words {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = bytes[i];
            self.length += 1;
            i += 1;
        }
        self
    }

    /// A number.
    pub(crate) const fn number(self, number: usize) -> Words {
        const DIGITS: &str = "0123456789";
        let words = if number < 10 { self } else { self.number(number / 10) };
        let (_, from) = DIGITS.split_at(number % 10);
        let (digit, _) = from.split_at(1);
        words.and(digit)
    }

    /// Stops the compiler with this message.
    #[track_caller]
    pub(crate) const fn refuse(&self) -> ! {
        let (text, _) = self.bytes.split_at(self.length);
        match core::str::from_utf8(text) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("the contract is wrong, and its names are too long to say how"),
        }
    }
}

/// Whether two texts are the same.
pub(crate) const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut i = 0;
    while i < left.len() {
        if left[i] != right[i] {
            return false;
        }
        i += 1;
    }
    true
}
