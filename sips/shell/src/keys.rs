//! From the bytes that a terminal sends to the keys that were pressed.

/// A key, or what the terminal makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Character(char),
    Enter,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    /// Ctrl and this letter.
    Control(char),
    /// A key that the editor has no use for.
    Other,
    /// A byte that is no text and no key.
    Bad,
}

/// What has been seen of a key that takes several bytes.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// ESC.
    Escape,
    /// ESC O.
    Single,
    /// ESC [, and the first number behind it.
    Sequence { number: u8, first: bool },
    /// The first bytes of a character.
    Utf8 { bytes: [u8; 4], length: usize },
}

/// Puts keys together from bytes. (ECMA-48 for the sequences; the keys are those of xterm and the VT220.)
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
}

impl Decoder {
    /// Takes the next byte; gives the keys that it completes, `None` where there are fewer than two.
    pub(crate) fn byte(&mut self, byte: u8) -> [Option<Key>; 2] {
        match core::mem::take(&mut self.state) {
            State::Ground => [self.first(byte), None],
            State::Escape => match byte {
                b'[' => self.wait(State::Sequence { number: 0, first: true }),
                b'O' => self.wait(State::Single),
                0x1b => self.wait(State::Escape),
                0x20..=0x7e => [Some(Key::Other), None],
                _ => [Some(Key::Bad), self.first(byte)],
            },
            State::Single => match byte {
                0x20..=0x7e => [Some(letter(byte)), None],
                _ => [Some(Key::Bad), self.first(byte)],
            },
            State::Sequence { number, first } => match byte {
                b'0'..=b'9' if first => {
                    let number = number.saturating_mul(10).saturating_add(byte - b'0');
                    self.wait(State::Sequence { number, first })
                }
                0x20..=0x3f => self.wait(State::Sequence { number, first: false }),
                b'~' => [Some(numbered(number)), None],
                0x40..=0x7d => [Some(letter(byte)), None],
                _ => [Some(Key::Bad), self.first(byte)],
            },
            State::Utf8 { mut bytes, length } => {
                bytes[length] = byte;
                match core::str::from_utf8(&bytes[..=length]) {
                    Ok(text) => [text.chars().next().map(character), None],
                    Err(error) if error.error_len().is_none() => {
                        self.wait(State::Utf8 { bytes, length: length + 1 })
                    }
                    Err(_) => [Some(Key::Bad), self.first(byte)],
                }
            }
        }
    }

    fn wait(&mut self, state: State) -> [Option<Key>; 2] {
        self.state = state;
        [None, None]
    }

    /// A byte that begins a key.
    fn first(&mut self, byte: u8) -> Option<Key> {
        match byte {
            b'\r' | b'\n' => Some(Key::Enter),
            0x08 | 0x7f => Some(Key::Backspace),
            b'\t' => Some(Key::Character(' ')),
            0x1b => {
                self.state = State::Escape;
                None
            }
            0x01..=0x1a => Some(Key::Control(char::from(byte - 1 + b'a'))),
            0x20..=0x7e => Some(Key::Character(char::from(byte))),
            0xc2..=0xf4 => {
                self.state = State::Utf8 { bytes: [byte, 0, 0, 0], length: 1 };
                None
            }
            _ => Some(Key::Bad),
        }
    }
}

fn character(character: char) -> Key {
    if character.is_control() { Key::Bad } else { Key::Character(character) }
}

fn letter(byte: u8) -> Key {
    match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => Key::Other,
    }
}

fn numbered(number: u8) -> Key {
    match number {
        1 | 7 => Key::Home,
        3 => Key::Delete,
        4 | 8 => Key::End,
        _ => Key::Other,
    }
}
