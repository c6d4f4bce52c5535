//! What came of the last long run, in `tests/attacks.md`.

use std::io;
use std::path::Path;
use std::process::Command;

/// The part of the file that is written by this.
const HEADING: &str = "## The last long run\n";

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

/// Replaces what the file says of the last long run.
pub(crate) fn keep(lines: &[String]) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("attacks.md");
    let text = std::fs::read_to_string(&path)?;
    let (kept, _) = text.split_once(HEADING).unwrap_or((&text, ""));
    let (date, revision) =
        (output("date", &["-u", "+%Y-%m-%d"]), output("git", &["describe", "--always", "--dirty"]));
    let lines: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    std::fs::write(path, format!("{kept}{HEADING}\n{date}, revision {revision}.\n\n{lines}"))
}
