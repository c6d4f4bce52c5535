//! From a line to commands, and from a command to words.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A command: its name and what it is to work on.
pub(crate) type Command = Vec<String>;

/// Why a line is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordsError {
    /// A quote has no partner.
    OpenQuote(char),
}

impl fmt::Display for WordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordsError::OpenQuote(quote) => write!(f, "a quote {quote} is not closed"),
        }
    }
}

/// Splits a text into commands.
///
/// A `;` or the end of a line ends a command; spaces and tabs separate words. What stands between two `'` or two `"`
/// belongs to one word, whatever it is. Commands without words are left out.
///
/// # Errors
/// When a quote has no partner; then nothing of the text counts.
pub(crate) fn commands(text: &str) -> Result<Vec<Command>, WordsError> {
    let mut commands = Vec::new();
    let mut command = Command::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some(quote) if quote == character => break,
                        Some(other) => word.push(other),
                        None => return Err(WordsError::OpenQuote(character)),
                    }
                }
            }
            ' ' | '\t' | ';' | '\n' | '\r' => {
                command.extend(word.take());
                if !matches!(character, ' ' | '\t') && !command.is_empty() {
                    commands.push(core::mem::take(&mut command));
                }
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    command.extend(word);
    if !command.is_empty() {
        commands.push(command);
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<Vec<String>> {
        commands(text).expect("quotes are closed")
    }

    #[test]
    fn semicolons_and_lines_end_commands_and_spaces_end_words() {
        assert_eq!(split("wc a;  sha256\tb \n\n;; ps"), [["wc", "a"].as_slice(), &["sha256", "b"], &["ps"]]);
        assert_eq!(split(" ; \n "), [[""; 0]; 0]);
    }

    #[test]
    fn quotes_keep_everything_in_one_word() {
        assert_eq!(split("cat 'a b; c' x\"'\"y ''"), [["cat", "a b; c", "x'y", ""]]);
        assert_eq!(commands("ls; cat 'a"), Err(WordsError::OpenQuote('\'')));
    }

    proptest! {
        #[test]
        fn a_quoted_word_comes_back_as_it_was(word in "[^']*") {
            prop_assert_eq!(split(&format!("cat '{word}'")), [["cat", &word]]);
        }
    }
}
