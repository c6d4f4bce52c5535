//! Keys that nobody has asked for yet.

use alloc::collections::VecDeque;

/// What the terminal sends for Ctrl-C.
pub const CTRL_C: u8 = 3;

/// How many keys are kept; further ones are lost, and it is said.
pub const KEYS_KEPT: usize = 64 << 10;

/// A queue of at most [`KEYS_KEPT`] keys.
#[derive(Debug, Default)]
pub struct Keys {
    keys: VecDeque<u8>,
    lost: u64,
}

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Kept,
    Lost,
    /// It is the first that is lost since keys were taken.
    FirstLost,
}

impl Keys {
    /// Adds a key. When the queue is full the key is lost; only Ctrl-C takes the place of all others.
    pub(crate) fn push(&mut self, key: u8) -> Pushed {
        if self.keys.len() < KEYS_KEPT {
            self.keys.push_back(key);
            return Pushed::Kept;
        }
        let before = self.lost;
        self.lost += 1;
        if key == CTRL_C {
            self.lost += self.keys.len() as u64 - 1;
            self.clear();
            self.keys.push_back(key);
        }
        if before == 0 { Pushed::FirstLost } else { Pushed::Lost }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Forgets all keys.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
    }

    /// Moves keys into `buffer`: how many, and how many were lost before these were asked for.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> (usize, u64) {
        let length = self.keys.len().min(buffer.len());
        for (place, key) in buffer.iter_mut().zip(self.keys.drain(..length)) {
            *place = key;
        }
        (length, core::mem::take(&mut self.lost))
    }

    /// Whether Ctrl-C is among the keys; it and those before it are then dropped.
    pub(crate) fn take_ctrl_c(&mut self) -> bool {
        match self.keys.iter().rposition(|key| *key == CTRL_C) {
            Some(last) => {
                self.keys.drain(..=last);
                true
            }
            None => false,
        }
    }
}
