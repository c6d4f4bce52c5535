//! The kernel's log: lines to the debug console, and the most recent ones kept for `dmesg`.

use alloc::string::String;
use core::fmt::{self, Write};
use core::ops::{ControlFlow, Range};

use log::{Level, LevelFilter, Log, Metadata, Record};
use spin::Mutex;

use crate::arch;

const KEPT_BYTES: usize = 64 * 1024;
/// Bytes of a line that [`recent_lines`] shows.
const LINE_BYTES: usize = 512;

/// The last [`KEPT_BYTES`] bytes of text, in whole lines.
struct Recent {
    bytes: [u8; KEPT_BYTES],
    /// Where the oldest byte is.
    start: usize,
    length: usize,
}

impl Recent {
    const fn new() -> Recent {
        Recent { bytes: [0; KEPT_BYTES], start: 0, length: 0 }
    }

    fn push(&mut self, text: &[u8]) {
        let text = &text[text.len().saturating_sub(KEPT_BYTES)..];
        while self.length + text.len() > KEPT_BYTES {
            self.drop_line();
        }
        let at = (self.start + self.length) % KEPT_BYTES;
        let (first, rest) = text.split_at(text.len().min(KEPT_BYTES - at));
        self.bytes[at..at + first.len()].copy_from_slice(first);
        self.bytes[..rest.len()].copy_from_slice(rest);
        self.length += text.len();
    }

    fn drop_line(&mut self) {
        let (older, newer) = self.parts();
        let dropped = match older.iter().chain(newer).position(|&byte| byte == b'\n') {
            Some(end) => end + 1,
            None => self.length,
        };
        self.start = (self.start + dropped) % KEPT_BYTES;
        self.length -= dropped;
    }

    /// Calls `each` with every line, newest first, until it says where to stop, and where each begins; one longer than
    /// [`LINE_BYTES`] is cut.
    fn for_lines_back(&self, mut each: impl FnMut(usize, &str) -> ControlFlow<()>) {
        let Some(mut end) = self.newline_before(self.length) else { return };
        loop {
            let before = self.newline_before(end);
            let start = before.map_or(0, |newline| newline + 1);
            let flow = self.with_line(start..end, |line| each(start, line));
            match before {
                Some(newline) if flow.is_continue() => end = newline,
                _ => return,
            }
        }
    }

    /// Calls `each` with every line from that which begins at `start` on, oldest first; long ones are cut as well.
    fn for_lines_from(&self, mut start: usize, mut each: impl FnMut(&str)) {
        while let Some(end) = self.newline_from(start) {
            self.with_line(start..end, &mut each);
            start = end + 1;
        }
    }

    fn newline_before(&self, end: usize) -> Option<usize> {
        let is_newline = |byte: &u8| *byte == b'\n';
        let (older, newer) = self.pieces(0..end);
        let place = newer.iter().rposition(is_newline).map(|place| older.len() + place);
        place.or_else(|| older.iter().rposition(is_newline))
    }

    fn newline_from(&self, start: usize) -> Option<usize> {
        let (older, newer) = self.pieces(start..self.length);
        older.iter().chain(newer).position(|byte| *byte == b'\n').map(|place| start + place)
    }

    fn with_line<T>(&self, line: Range<usize>, act: impl FnOnce(&str) -> T) -> T {
        let mut buffer = [0; LINE_BYTES];
        let (older, newer) = self.pieces(line.start..line.end.min(line.start + LINE_BYTES));
        buffer[..older.len()].copy_from_slice(older);
        buffer[older.len()..older.len() + newer.len()].copy_from_slice(newer);
        let line = &buffer[..older.len() + newer.len()];
        // A line that was cut may end within a character.
        let valid = core::str::from_utf8(line).map_or_else(|error| error.valid_up_to(), str::len);
        act(core::str::from_utf8(&line[..valid]).unwrap_or(""))
    }

    /// A part of the text, counted from the oldest byte, in two pieces.
    fn pieces(&self, range: Range<usize>) -> (&[u8], &[u8]) {
        let (older, newer) = self.parts();
        let middle = older.len();
        let first = range.start.min(middle)..range.end.min(middle);
        let second = range.start.saturating_sub(middle)..range.end.saturating_sub(middle);
        (&older[first], &newer[second])
    }

    /// The text, oldest first, in two pieces.
    fn parts(&self) -> (&[u8], &[u8]) {
        let to_end = self.length.min(KEPT_BYTES - self.start);
        (&self.bytes[self.start..self.start + to_end], &self.bytes[..self.length - to_end])
    }
}

static RECENT: Mutex<Recent> = Mutex::new(Recent::new());

/// Writes to the debug console and to the kept lines.
struct Line<'a>(&'a mut Recent);

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        arch::debugcon::write(text.as_bytes());
        self.0.push(text.as_bytes());
        Ok(())
    }
}

struct KernelLog;

impl Log for KernelLog {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let kind = match record.level() {
            Level::Error => "error: ",
            Level::Warn => "warning: ",
            _ => "",
        };
        let microseconds = arch::clock::now_ns() / 1000;
        let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
        // Writing to these cannot fail; a Display that says it failed loses its own text only.
        let _ = writeln!(Line(&mut RECENT.lock()), "[{seconds:5}.{fraction:06}] {kind}{}", record.args());
    }

    fn flush(&self) {}
}

/// Sends what `log`'s macros say here, from [`Level::Info`] up. Interrupt handlers must not use them, and what is
/// logged must not itself log while it is formatted.
pub fn init() {
    // Fails only if called twice.
    if log::set_logger(&KernelLog).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// The most recent lines, oldest first.
pub fn recent() -> String {
    let mut bytes = alloc::vec::Vec::with_capacity(KEPT_BYTES);
    {
        let recent = RECENT.lock();
        let (older, newer) = recent.parts();
        bytes.extend_from_slice(older);
        bytes.extend_from_slice(newer);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Calls `each` with the last `most` of the recent lines for which `which` holds, oldest first, until it fails. Lines older
/// than these are not looked at.
pub fn recent_lines<E>(
    most: usize,
    which: impl Fn(&str) -> bool,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let recent = RECENT.lock();
    let (mut found, mut oldest) = (0, recent.length);
    if most > 0 {
        recent.for_lines_back(|start, line| {
            if which(line) {
                (found, oldest) = (found + 1, start);
            }
            if found == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    let mut result = Ok(());
    recent.for_lines_from(oldest, |line| {
        if result.is_ok() && which(line) {
            result = each(line);
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(recent: &Recent) -> Vec<u8> {
        let (older, newer) = recent.parts();
        [older, newer].concat()
    }

    #[test]
    fn lines_are_found_whole_wherever_they_lie() {
        let mut recent = Box::new(Recent::new());
        let lines: Vec<String> = (0..10_000).map(|i| format!("line {i}\n")).collect();
        lines.iter().for_each(|line| recent.push(line.as_bytes()));
        recent.push(format!("{}\n", "é".repeat(LINE_BYTES)).as_bytes());
        let (mut back, mut starts) = (Vec::new(), Vec::new());
        recent.for_lines_back(|start, line| {
            back.push(line.to_owned());
            starts.push(start);
            ControlFlow::Continue(())
        });
        for (&start, line) in starts.iter().zip(&back).step_by(501) {
            let mut from_there = Vec::new();
            recent.for_lines_from(start, |line| from_there.push(line.to_owned()));
            assert_eq!(from_there.first(), Some(line));
        }
        let mut seen = Vec::new();
        recent.for_lines_from(0, |line| seen.push(line.to_owned()));
        back.reverse();
        assert_eq!(seen, back);
        assert_eq!(seen.pop(), Some("é".repeat(LINE_BYTES / 2)));
        let expected = lines[lines.len() - seen.len()..].iter().map(|line| line.trim_end().to_owned());
        assert!(seen.len() > 4000 && expected.eq(seen));
    }

    #[test]
    fn the_last_lines_of_one_are_shown_oldest_first_and_older_ones_are_not_looked_at() {
        for i in 0..100 {
            let mut recent = RECENT.lock();
            recent.push(format!("{} {i}\n", if i % 10 == 0 { "mine" } else { "other" }).as_bytes());
        }
        let looked_at = core::cell::Cell::new(0);
        let mine = |line: &str| {
            looked_at.set(looked_at.get() + 1);
            line.starts_with("mine")
        };
        let shown = |most| {
            let mut shown = Vec::new();
            let result = recent_lines(most, mine, |line| {
                shown.push(line.to_owned());
                Ok::<_, ()>(())
            });
            result.map(|()| shown)
        };
        assert_eq!(shown(2), Ok(vec!["mine 80".to_owned(), "mine 90".to_owned()]));
        // Those from the first that is shown on, once in each direction.
        assert_eq!(looked_at.replace(0), 2 * 20);
        assert_eq!(shown(0), Ok(vec![]));
        assert_eq!(looked_at.get(), 0);
        assert_eq!(shown(1000).map(|lines| lines.len()), Ok(10));
    }

    #[test]
    fn the_log_keeps_the_most_recent_whole_lines() {
        let mut recent = Box::new(Recent::new());
        let lines: Vec<String> = (0..10_000).map(|i| format!("line {i}\n")).collect();
        for line in &lines {
            recent.push(line.as_bytes());
        }
        let kept = text(&recent);
        let all = lines.concat();
        assert!(all.as_bytes().ends_with(&kept));
        assert!(kept.starts_with(b"line "));
        assert!(kept.len() > KEPT_BYTES - 20);
    }

    #[test]
    fn a_line_longer_than_the_log_keeps_its_end() {
        let mut recent = Box::new(Recent::new());
        recent.push(b"before\n");
        recent.push(&[b'x'; KEPT_BYTES + 5]);
        recent.push(b"after\n");
        assert_eq!(text(&recent), b"after\n");
    }
}
