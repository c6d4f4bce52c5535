use alloc::format;
use alloc::string::ToString;

use super::*;

const PROMPT: &str = "> ";

/// An editor and what a terminal of 80 columns shows of it.
struct Bench {
    editor: Editor,
    output: String,
}

fn bench() -> Bench {
    Bench { editor: Editor::default(), output: String::new() }
}

impl Bench {
    fn type_in(&mut self, bytes: impl AsRef<[u8]>) -> Option<Input> {
        self.editor.give(bytes.as_ref());
        self.editor.advance(PROMPT, &mut self.output)
    }

    fn line(&mut self, bytes: impl AsRef<[u8]>) -> String {
        match self.type_in(bytes) {
            Some(Input::Line(line)) => line,
            other => panic!("{other:?}"),
        }
    }

    /// The screen's last line and the cursor's column.
    fn screen(&self) -> (String, usize) {
        let mut lines = Vec::from([Vec::new()]);
        let mut column = 0;
        let mut characters = self.output.chars().peekable();
        while let Some(character) = characters.next() {
            let row = lines.len() - 1;
            match character {
                '\n' => {
                    lines.push(Vec::new());
                    column = 0;
                }
                '\r' => column = 0,
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['));
                    let mut number = String::new();
                    let last = loop {
                        match characters.next() {
                            Some(digit) if digit.is_ascii_digit() => number.push(digit),
                            other => break other,
                        }
                    };
                    match last {
                        Some('D') => column -= number.parse::<usize>().expect("a number"),
                        Some('K') => lines[row].truncate(column),
                        Some('H') => column = 0,
                        Some('J') => lines = Vec::from([Vec::new()]),
                        other => panic!("{other:?}"),
                    }
                }
                _ => {
                    let line = &mut lines[row];
                    line.resize(line.len().max(column + 1), ' ');
                    line[column] = character;
                    column += 1;
                    assert!(column <= 80, "the line would wrap");
                }
            }
        }
        (lines.last().expect("a line").iter().collect(), column)
    }
}

#[test]
fn keys_edit_the_line_as_they_say() {
    for (keys, line) in [
        ("abc\r", "abc"),
        ("abd\x1b[Dc\r", "abcd"),
        ("bc\x1b[Ha\r", "abc"),
        ("bc\x01a\x05d\r", "abcd"),
        ("bc\x1b[1~a\x1b[4~d\r", "abcd"),
        ("abx\x7fc\r", "abc"),
        ("abxc\x1b[D\x08\r", "abc"),
        ("xabc\x1bOH\x1b[3~\r", "abc"),
        ("xabc\x01\x04\r", "abc"),
        ("one two  \x17three\r", "one three"),
        ("one two\x15three\r", "three"),
        ("one two\x1b[D\x1b[D\x1b[D\x0b\r", "one "),
        ("\x1b[D\x1b[C\x7f\x1b[3~\x17\x15\x0ba\r", "a"),
        ("a\tb\r", "a b"),
        ("grün€\x7f\x7f\r", "grü"),
        ("a\x1b[1;5Db\x1b[200~\x1bx\x1b[15~c\r", "bca"),
    ] {
        assert_eq!(bench().line(keys), line, "{keys:?}");
    }
}

#[test]
fn the_screen_shows_the_line_and_the_cursor_after_every_key() {
    let keys = "one two three\x01\x1b[C\x1b[C\x7fXY\x1b[3~\x05 four\x17\x17x\x0b".repeat(9);
    let mut bench = bench();
    for byte in keys.bytes() {
        assert_eq!(bench.type_in([byte]), None);
        let (line, cursor) = (&bench.editor.line, bench.editor.cursor);
        let first = bench.editor.screen.first;
        let visible: String = line[first..line.len().min(first + COLUMNS - PROMPT.len())].iter().collect();
        assert_eq!(bench.screen(), (format!("{PROMPT}{visible}"), PROMPT.len() + cursor - first));
    }
    assert!(bench.editor.line.len() > COLUMNS, "the line is longer than the screen");
    assert_eq!(bench.type_in("\x0c"), None);
    let (line, _) = bench.screen();
    assert!(line.starts_with(PROMPT), "{line}");
}

#[test]
fn history_brings_lines_back_and_keeps_what_was_typed() {
    let mut bench = bench();
    for line in ["one", "two", "two", "", "three"] {
        assert_eq!(bench.line(format!("{line}\r")), line);
    }
    assert_eq!(bench.line("\x1b[A\x1b[A\r"), "two");
    assert_eq!(bench.line("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A\r"), "one");
    assert_eq!(bench.line("typed\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B!\r"), "typed!");
    for number in 0..2 * HISTORY {
        bench.line(format!("{number}\r"));
    }
    assert_eq!(bench.editor.history.len(), HISTORY);
}

#[test]
fn a_line_beyond_the_limit_is_said_to_be_too_long_and_the_next_is_whole() {
    let mut bench = bench();
    let input = format!("{}\rnext\r", "x".repeat(10_000));
    assert_eq!(bench.type_in(input), Some(Input::TooLong));
    assert_eq!(bench.line(""), "next");
    let longest = "y".repeat(LINE_LIMIT);
    assert_eq!(bench.line(format!("{longest}\r")), longest);
    assert_eq!(bench.type_in(format!("{longest}z\x7f\x15\r")), Some(Input::TooLong));
    assert_eq!(bench.type_in(format!("{longest}z\x03")), Some(Input::Abandoned));
}

#[test]
fn bytes_that_are_no_text_are_left_out_and_it_is_said_once_a_line() {
    let mut bench = bench();
    let said = |bench: &Bench| bench.output.matches("no text").count();
    assert_eq!(bench.type_in(b"l\xff\x00\xc3\x28\xed\xa0\x80"), None);
    assert_eq!(bench.screen(), ("> l(".to_string(), 4));
    assert_eq!(bench.line(b"\x80\x1b[\x00s\xf5\r"), "l(s");
    assert_eq!(said(&bench), 1);
    assert_eq!(bench.line(b"ps\xc0\r"), "ps");
    assert_eq!(said(&bench), 2);
}

#[test]
fn any_bytes_at_all_leave_an_editor_that_works() {
    let mut runner = proptest::test_runner::TestRunner::default();
    let bytes = proptest::collection::vec(proptest::num::u8::ANY, 0..200);
    let checked = runner.run(&bytes, |bytes| {
        let mut bench = bench();
        let mut output = String::new();
        bench.editor.give(&bytes);
        bench.editor.give(b"\x1b[F\x03\x03ok\r");
        let mut last = None;
        while let Some(input) = bench.editor.advance(PROMPT, &mut output) {
            last = Some(input);
        }
        proptest::prop_assert_eq!(last, Some(Input::Line("ok".into())));
        Ok(())
    });
    checked.expect("every line of bytes");
}

#[test]
fn control_c_abandons_the_line_and_control_d_ends_only_an_empty_one() {
    let mut bench = bench();
    assert_eq!(bench.type_in("abc\x03\x04"), Some(Input::Abandoned));
    assert_eq!(bench.type_in(""), Some(Input::End));
    assert_eq!(bench.line("a\x04\r"), "a");
}

#[test]
fn return_and_newline_together_are_one_enter() {
    let mut bench = bench();
    assert_eq!(bench.line("a\r\nb\nc\r"), "a");
    assert_eq!(bench.line(""), "b");
    assert_eq!(bench.line(""), "c");
    assert_eq!(bench.line("\nd\r"), "d");
}
