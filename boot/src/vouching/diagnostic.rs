//! What the compiler says to cargo: a line of JSON for each message.

use serde::Deserialize;
use std::io::{self, Write};

/// A message, as far as it is of interest here.
#[derive(Debug, Deserialize)]
pub(super) struct Diagnostic {
    #[serde(default)]
    message: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    spans: Vec<Span>,
    /// The kind of the file that was made, if it says that one was.
    emit: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Span {
    file_name: String,
    line_start: usize,
    is_primary: bool,
}

impl Diagnostic {
    /// The message in a line; none if the line is no message.
    fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// An error in words, with its place; none if it is no error.
    fn error(&self) -> Option<String> {
        if self.level != "error" {
            return None;
        }
        let place = self.spans.iter().find(|span| span.is_primary);
        let place =
            place.map_or_else(String::new, |span| format!("{}:{}: ", span.file_name, span.line_start));
        Some(format!("{place}{}", self.message))
    }
}

/// What the compiler says, held back until it is known to be wanted: cargo shall not hear from an attempt that failed.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// None once it passes on what comes.
    lines: Option<Vec<String>>,
    error: Option<String>,
}

impl Held {
    /// Nothing was said yet.
    pub(super) fn new() -> Self {
        Held { lines: Some(Vec::new()), error: None }
    }

    /// Takes the next line. Once the crate's interface was written, no lint can fail any more, and everything is passed on: cargo
    /// waits for it, to have others compiled.
    pub(super) fn take(&mut self, line: String) {
        let message = Diagnostic::read(&line);
        let error = message.as_ref().and_then(Diagnostic::error);
        self.error = self.error.take().or(error);
        match &mut self.lines {
            Some(lines) => lines.push(line),
            None => pass_on(&line),
        }
        let emitted = message.and_then(|message| message.emit);
        if emitted.is_some_and(|kind| ["metadata", "link"].contains(&kind.as_str())) {
            self.release();
        }
    }

    /// Passes on what was said.
    pub(super) fn release(&mut self) {
        self.lines.take().into_iter().flatten().for_each(|line| pass_on(&line));
    }

    /// The first error, in words, with its place.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

fn pass_on(line: &str) {
    // Whoever does not listen any more has no use for it.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINT: &str = r#"{"$message_type":"diagnostic","message":"usage of an `unsafe` block","code":{"code":"unsafe_code",
        "explanation":null},"level":"error","spans":[{"file_name":"src/lib.rs","line_start":4,"is_primary":true}]}"#;

    #[test]
    fn the_first_error_is_kept_with_its_place() {
        let mut held = Held::new();
        for line in [
            "no JSON",
            r#"{"message":"unused","level":"warning"}"#,
            LINT,
            r#"{"message":"x","level":"error"}"#,
        ] {
            held.take(line.to_owned());
        }
        assert_eq!(held.error(), Some("src/lib.rs:4: usage of an `unsafe` block"));
        assert_eq!(held.lines.map(|lines| lines.len()), Some(4), "nobody heard of it");
    }

    #[test]
    fn what_is_said_is_passed_on_once_the_interface_was_written() {
        let mut held = Held::new();
        held.take(r#"{"$message_type":"artifact","artifact":"x.d","emit":"dep-info"}"#.to_owned());
        assert!(held.lines.is_some(), "lints come later");
        held.take(r#"{"$message_type":"artifact","artifact":"x.rmeta","emit":"metadata"}"#.to_owned());
        assert!(held.lines.is_none());
    }
}
