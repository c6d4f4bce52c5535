//! Editing a line, and the lines before it.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::keys::{Decoder, Key};

/// The longest line, in characters. Where a longer one is typed, the whole of it is thrown away, and it is said.
pub(crate) const LINE_LIMIT: usize = 1000;

/// Lines remembered.
const HISTORY: usize = 100;

/// Columns used; every terminal has as many. A longer line is shown in part.
const COLUMNS: usize = 79;

/// What a person made of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Enter: the line.
    Line(String),
    /// Enter, but the line was longer than [`LINE_LIMIT`].
    TooLong,
    /// Ctrl-C: nothing.
    Abandoned,
    /// Ctrl-D on an empty line.
    End,
}

/// A line being typed.
///
/// Bytes come in by [`Editor::give`] as the terminal sends them; [`Editor::advance`] works on them until something is
/// finished. What was given beyond that waits for the next call.
#[derive(Debug, Default)]
pub(crate) struct Editor {
    given: VecDeque<u8>,
    decoder: Decoder,
    /// The last byte was a carriage return: a newline right behind it is part of the same Enter.
    after_return: bool,
    line: Vec<char>,
    cursor: usize,
    too_long: bool,
    /// Bytes were typed that are no text: not at all, not said yet, said for this line.
    bad: Bad,
    history: VecDeque<String>,
    /// Which line of the history is shown, and what was typed before it was looked up.
    looked_up: Option<(usize, Vec<char>)>,
    screen: Screen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Bad {
    #[default]
    None,
    New,
    Said,
}

/// What stands on the screen where the line is edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The prompt and what [`Screen`] says.
    Prompt,
    /// Something that is to be cleared, and the rest of the screen with it.
    Stale,
}

/// What the terminal shows.
#[derive(Debug, Default)]
struct Screen {
    line: Standing,
    /// Index of the line's first visible character.
    first: usize,
    text: String,
    cursor: usize,
}

impl Editor {
    /// Takes bytes from the terminal.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.given.extend(bytes);
    }

    /// Forgets what was given and not worked on, and says whether Ctrl-C is in it.
    pub(crate) fn take_ctrl_c(&mut self) -> bool {
        let pressed = self.given.contains(&3);
        if pressed {
            self.given.clear();
        }
        pressed
    }

    /// Works on what was given, until a line is finished or nothing is left.
    pub(crate) fn advance(&mut self, prompt: &str, terminal: &mut impl Write) -> Option<Input> {
        while let Some(byte) = self.given.pop_front() {
            let same_enter = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if same_enter {
                continue;
            }
            for key in self.decoder.byte(byte).into_iter().flatten() {
                if let Some(input) = self.key(key) {
                    self.cursor = self.line.len();
                    self.show(prompt, terminal);
                    self.finish(&input, terminal);
                    return Some(input);
                }
            }
        }
        self.show(prompt, terminal);
        None
    }

    fn key(&mut self, key: Key) -> Option<Input> {
        match key {
            Key::Enter if self.too_long => return Some(Input::TooLong),
            Key::Enter => return Some(Input::Line(self.line.iter().collect())),
            Key::Control('c') => return Some(Input::Abandoned),
            Key::Control('d') if self.line.is_empty() => return Some(Input::End),
            _ if self.too_long => {}
            Key::Character(_) if self.line.len() == LINE_LIMIT => self.too_long = true,
            Key::Character(character) => {
                self.line.insert(self.cursor, character);
                self.cursor += 1;
            }
            Key::Backspace => {
                if self.cursor > 0 {
                    self.cursor -= 1;
                    self.line.remove(self.cursor);
                }
            }
            Key::Delete | Key::Control('d') => {
                if self.cursor < self.line.len() {
                    self.line.remove(self.cursor);
                }
            }
            Key::Left | Key::Control('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Control('f') => self.cursor = self.line.len().min(self.cursor + 1),
            Key::Home | Key::Control('a') => self.cursor = 0,
            Key::End | Key::Control('e') => self.cursor = self.line.len(),
            Key::Control('u') => {
                self.line.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Control('k') => self.line.truncate(self.cursor),
            Key::Control('w') => {
                let before = &self.line[..self.cursor];
                let end = before.iter().rposition(|character| *character != ' ').map_or(0, |last| last + 1);
                let start =
                    before[..end].iter().rposition(|character| *character == ' ').map_or(0, |last| last + 1);
                self.line.drain(start..self.cursor);
                self.cursor = start;
            }
            Key::Control('l') => self.screen.line = Standing::Stale,
            Key::Up | Key::Control('p') => self.look_up(Direction::Older),
            Key::Down | Key::Control('n') => self.look_up(Direction::Newer),
            Key::Bad | Key::Control(_) => {
                if self.bad == Bad::None {
                    self.bad = Bad::New;
                }
            }
            Key::Other => {}
        }
        None
    }

    fn look_up(&mut self, direction: Direction) {
        let place = match (&self.looked_up, direction) {
            (None, Direction::Older) => self.history.len().checked_sub(1),
            (Some((place, _)), Direction::Older) => Some(place.saturating_sub(1)),
            (None, Direction::Newer) => None,
            (Some((place, _)), Direction::Newer) => Some(place + 1),
        };
        let Some(place) = place else { return };
        let typed = match self.looked_up.take() {
            Some((_, typed)) => typed,
            None => core::mem::take(&mut self.line),
        };
        match self.history.get(place) {
            Some(line) => {
                self.line = line.chars().collect();
                self.looked_up = Some((place, typed));
            }
            None => self.line = typed,
        }
        self.cursor = self.line.len();
    }

    /// Leaves the line as it stands on the screen, and starts the next.
    fn finish(&mut self, input: &Input, terminal: &mut impl Write) {
        // The terminal remembers if it is gone; who reads from it next is told.
        let _ = terminal.write_str(if *input == Input::Abandoned { "^C\n" } else { "\n" });
        if let Input::Line(line) = input
            && !line.trim().is_empty()
            && self.history.back() != Some(line)
        {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(line.clone());
        }
        self.line.clear();
        self.cursor = 0;
        self.too_long = false;
        self.bad = Bad::None;
        self.looked_up = None;
        self.screen = Screen::default();
    }

    /// Brings the screen up to date.
    fn show(&mut self, prompt: &str, terminal: &mut impl Write) {
        // As in `finish`.
        let _ = self.try_show(prompt, terminal);
    }

    fn try_show(&mut self, prompt: &str, terminal: &mut impl Write) -> core::fmt::Result {
        let screen = &mut self.screen;
        if self.bad == Bad::New {
            self.bad = Bad::Said;
            terminal.write_str(if screen.line == Standing::Nothing { "" } else { "\r\x1b[K" })?;
            terminal.write_str("shell: bytes that are no text were typed; they are left out\n")?;
            *screen = Screen { first: screen.first, ..Screen::default() };
        }
        let width = COLUMNS - prompt.chars().count();
        if self.cursor < screen.first || self.cursor > screen.first + width {
            screen.first = self.cursor.saturating_sub(width / 2);
        }
        let visible = self.line.len().min(screen.first + width);
        let text: String = self.line[screen.first.min(visible)..visible].iter().collect();
        let cursor = self.cursor - screen.first;
        let length = text.chars().count();

        let prompted = screen.line == Standing::Prompt;
        let at_end = cursor == length && screen.cursor == screen.text.chars().count();
        if prompted && screen.text == text && screen.cursor == cursor {
            return Ok(());
        }
        match text.strip_prefix(screen.text.as_str()) {
            Some(appended) if prompted && at_end => terminal.write_str(appended)?,
            _ => {
                match screen.line {
                    Standing::Nothing => write!(terminal, "{prompt}{text}")?,
                    Standing::Prompt => write!(terminal, "\r{prompt}{text}\x1b[K")?,
                    Standing::Stale => write!(terminal, "\x1b[H\x1b[2J{prompt}{text}")?,
                }
                if cursor < length {
                    write!(terminal, "\x1b[{}D", length - cursor)?;
                }
            }
        }
        screen.line = Standing::Prompt;
        screen.text = text;
        screen.cursor = cursor;
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Older,
    Newer,
}

#[cfg(test)]
mod tests;
