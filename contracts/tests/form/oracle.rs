//! What a person says of the zoo's bytes: which belong to a value, and whether they are one. The numbers are written
//! by hand, and nothing here knows how the compiler's programs look.

use contracts::spec::ping::PingPong;
use contracts::wire::Handle;
use contracts::{Contract, Side};

use crate::zoo::{PingPongs, Zoo};

/// What a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Nothing.
    Padding,
    /// A part of the value.
    Value,
    /// An address, which does not cross.
    Address,
}

/// What came beside the bytes.
#[derive(Clone, Debug)]
pub(crate) enum Beside {
    /// A block with these bytes.
    Block(Vec<u8>),
    /// An endpoint.
    End { fingerprint: u64, side: Side, state: u16 },
}

impl From<&Handle> for Beside {
    fn from(handle: &Handle) -> Self {
        match handle {
            Handle::Block(block) => Beside::Block(block.bytes().to_vec()),
            Handle::Endpoint(end) => {
                Beside::End { fingerprint: end.fingerprint(), side: end.side(), state: end.state() }
            }
        }
    }
}

/// A look at a message.
pub(crate) struct Look {
    /// The body, and then the content of each block in the order in which they were found.
    pub(crate) pieces: Vec<(Vec<u8>, Vec<Use>)>,
    beside: Vec<Beside>,
    next: usize,
}

/// Looks at what lies in a piece at a place.
type Eye<'a> = &'a dyn Fn(&mut Look, usize, usize) -> bool;

impl Look {
    /// Looks at message `number`. Whether it is one, and what was seen.
    pub(crate) fn at(number: u16, body: &[u8], beside: Vec<Beside>) -> (bool, Look) {
        let mut look = Look { pieces: Vec::new(), beside, next: 0 };
        look.piece(body.to_vec());
        let valid = look.message(number) & (look.next == look.beside.len());
        (valid, look)
    }

    fn piece(&mut self, bytes: Vec<u8>) -> usize {
        let uses = vec![Use::Padding; bytes.len()];
        self.pieces.push((bytes, uses));
        self.pieces.len() - 1
    }

    fn mark(&mut self, p: usize, at: usize, bytes: usize, what: Use) {
        self.pieces[p].1[at..at + bytes].fill(what);
    }

    /// A number of so many bytes.
    fn number(&mut self, p: usize, at: usize, bytes: usize) -> u64 {
        self.mark(p, at, bytes, Use::Value);
        let piece = &self.pieces[p].0[at..at + bytes];
        piece.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn plain(&mut self, p: usize, at: usize, bytes: usize) -> bool {
        self.number(p, at, bytes);
        true
    }

    fn truth(&mut self, p: usize, at: usize) -> bool {
        self.number(p, at, 1) < 2
    }

    fn letter(&mut self, p: usize, at: usize) -> bool {
        let code = self.number(p, at, 4);
        code < 0xd800 || (0xe000..0x11_0000).contains(&code)
    }

    fn text(&mut self, p: usize, at: usize, capacity: usize) -> bool {
        let length = self.number(p, at, 4) as usize;
        self.mark(p, at + 4, capacity, Use::Value);
        length <= capacity && String::from_utf8(self.pieces[p].0[at + 4..at + 4 + length].to_vec()).is_ok()
    }

    fn row(&mut self, p: usize, at: usize, count: usize, stride: usize, each: Eye<'_>) -> bool {
        (0..count).fold(true, |valid, index| valid & each(self, p, at + index * stride))
    }

    fn next(&mut self) -> Option<Beside> {
        let beside = self.beside.get(self.next).cloned();
        self.next += 1;
        beside
    }

    fn block(&mut self, p: usize, at: usize, size: usize, fixed: Option<u64>, each: Eye<'_>) -> bool {
        self.mark(p, at, 8, Use::Address);
        self.mark(p, at + 16, 8, Use::Address);
        let length = self.number(p, at + 8, 8);
        let Some(Beside::Block(content)) = self.next() else { return false };
        if fixed.is_some_and(|fixed| fixed != length)
            || u128::from(length) * size as u128 != content.len() as u128
        {
            return false;
        }
        let inside = self.piece(content);
        size == 0 || self.row(inside, 0, length as usize, size, each)
    }

    fn end(&mut self, p: usize, at: usize, fingerprints: &[u64], wanted: (Side, u16)) -> bool {
        self.mark(p, at, 8, Use::Address);
        let Some(Beside::End { fingerprint, side, state }) = self.next() else { return false };
        fingerprints.contains(&fingerprint) && (side, state) == wanted
    }

    fn any_end(&mut self, p: usize, at: usize) -> bool {
        self.mark(p, at, 8, Use::Address);
        let wanted = (self.number(p, at + 8, 1), self.number(p, at + 10, 2));
        let Some(Beside::End { side, state, .. }) = self.next() else { return false };
        (side as u64, u64::from(state)) == wanted
    }

    fn inner(&mut self, p: usize, at: usize) -> bool {
        self.plain(p, at, 4) & self.plain(p, at + 4, 1)
    }

    fn outer(&mut self, p: usize, at: usize) -> bool {
        self.plain(p, at, 1) & self.inner(p, at + 4) & self.plain(p, at + 12, 2) & self.inner(p, at + 16)
    }

    fn mixed(&mut self, p: usize, at: usize) -> bool {
        self.truth(p, at) & self.plain(p, at + 2, 2) & self.letter(p, at + 4)
    }

    fn odd(&mut self, p: usize, at: usize) -> bool {
        [1, 200, 201].contains(&self.number(p, at, 1))
    }

    /// An enum of the zoo with fields: bytes of its number, and where the fields of each variant are.
    fn pick(&mut self, p: usize, at: usize, number: usize, places: [[usize; 3]; 5]) -> bool {
        let [this, _, deep, nested, empty] = places.map(|places| places.map(|place| at + place));
        match self.number(p, at, number) {
            0 => self.plain(p, this[0], 1) & self.truth(p, this[1]) & self.plain(p, this[2], 4),
            1 => true,
            2 => self.inner(p, deep[0]),
            3 => self.plain(p, nested[0], 1) & self.odd(p, nested[1]) & self.plain(p, nested[2], 8),
            4 => self.plain(p, empty[1], 1),
            _ => false,
        }
    }

    fn pick_c(&mut self, p: usize, at: usize) -> bool {
        self.pick(p, at, 4, [[8, 9, 12], [0; 3], [8; 3], [8, 9, 16], [8; 3]])
    }

    fn pick_c_byte(&mut self, p: usize, at: usize) -> bool {
        self.pick(p, at, 1, [[8, 9, 12], [0; 3], [8; 3], [8, 9, 16], [8; 3]])
    }

    fn pick_byte(&mut self, p: usize, at: usize) -> bool {
        self.pick(p, at, 1, [[1, 2, 4], [0; 3], [4; 3], [1, 2, 8], [8; 3]])
    }

    fn pick_short(&mut self, p: usize, at: usize) -> bool {
        self.pick(p, at, 2, [[2, 3, 4], [0; 3], [4; 3], [2, 3, 8], [8; 3]])
    }

    fn pick_long(&mut self, p: usize, at: usize) -> bool {
        self.pick(p, at, 4, [[4, 5, 8], [0; 3], [4; 3], [4, 5, 8], [8; 3]])
    }

    fn tree(&mut self, p: usize, at: usize) -> bool {
        match self.number(p, at, 1) {
            0 => self.pick_c(p, at + 8),
            1 => self.plain(p, at + 1, 1) && self.block(p, at + 8, 8, None, &Look::mixed),
            2 => {
                self.block(p, at + 8, 1, Some(1), &Look::odd)
                    && self.block(p, at + 32, 1, None, &|look, p, at| look.plain(p, at, 1))
            }
            _ => false,
        }
    }

    fn percent(&mut self, p: usize, at: usize) -> bool {
        self.number(p, at, 1) <= 100
    }

    /// The message, whose body is the first piece.
    fn message(&mut self, number: u16) -> bool {
        let ping = PingPong::FINGERPRINT;
        let client = |look: &mut Look, p, at| look.end(p, at, &[ping], (Side::Client, 0));
        match number {
            0 => {
                let parts = [(0, 1), (16, 16), (32, 2), (36, 4), (40, 8), (48, 8), (56, 6)];
                parts.iter().for_each(|&(at, bytes)| _ = self.plain(0, at, bytes));
                true
            }
            1 => self.outer(0, 0) & self.plain(0, 24, 1) & self.row(0, 28, 2, 8, &Look::inner),
            2 => {
                self.row(0, 0, 4, 1, &Look::truth)
                    & self.letter(0, 4)
                    & self.row(0, 8, 4, 1, &Look::truth)
                    & self.row(0, 12, 3, 8, &Look::mixed)
                    & self.letter(0, 36)
            }
            3 => {
                self.text(0, 0, 10)
                    & self.text(0, 16, 0)
                    & self.row(0, 20, 2, 8, &|look, p, at| look.text(p, at, 3))
            }
            4 => {
                self.odd(0, 0)
                    & [0xfffe, 0xffff, 0, 0x1234].contains(&self.number(0, 2, 2))
                    & (self.number(0, 4, 4) < 3)
                    & [0xffff_ffff, 0x7fff_ffff].contains(&self.number(0, 8, 4))
                    & [7, u64::MAX].contains(&self.number(0, 16, 8))
                    & (self.number(0, 24, 1) == 9)
                    & (self.number(0, 32, 1) < 2)
                    & self.row(0, 40, 2, 1, &Look::odd)
            }
            5 => {
                self.pick_c(0, 0)
                    & self.pick_byte(0, 24)
                    & self.pick_short(0, 40)
                    & self.pick_c_byte(0, 56)
                    & self.row(0, 80, 2, 16, &Look::pick_long)
            }
            6 => {
                self.block(0, 0, 1, None, &|look, p, at| look.plain(p, at, 1))
                    && self.block(0, 24, 24, Some(1), &Look::outer)
                    && self.block(0, 48, 64, None, &|look, p, at| look.plain(p, at, 1))
                    && self.block(0, 72, 8, None, &Look::mixed)
                    && self.block(0, 96, 0, Some(1), &|_, _, _| true)
                    && self.block(0, 120, 0, None, &|_, _, _| true)
            }
            7 => {
                let row = |look: &mut Look, p, at| look.block(p, at, 1, None, &Look::truth);
                self.block(0, 0, 24, None, &row)
                    && self.row(0, 24, 2, 56, &Look::tree)
                    && self.block(0, 136, 56, None, &Look::tree)
            }
            8 => {
                let newer = [PingPongs::FINGERPRINT, ping];
                self.plain(0, 0, 1)
                    && client(self, 0, 8)
                    && self.end(0, 16, &[ping], (Side::Server, 1))
                    && self.end(0, 24, &newer, (Side::Server, 1))
                    && self.any_end(0, 32)
                    && self.block(0, 48, 8, None, &client)
            }
            9 => match self.number(0, 0, 4) {
                0 => true,
                1 => self.end(0, 8, &[Zoo::FINGERPRINT], (Side::Client, 0)),
                _ => false,
            },
            10 => self.percent(0, 0) & self.block(0, 8, 1, None, &Look::percent),
            _ => false,
        }
    }
}
