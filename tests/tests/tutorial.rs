//! The README's tutorial, followed to the letter in a copy of the source tree.
//!
//! Its blocks are marked: `sh tutorial` is typed, `rust,ignore tutorial PATH` replaces that file, and `text tutorial` is
//! what the commands before it print last.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Copies the source tree; what cargo built is left out.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.join("CACHEDIR.TAG").exists() || path.ends_with(".git") {
            continue;
        }
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A marked block: what stands behind `tutorial` in its first line, its language, and its text.
fn blocks(readme: &str) -> Vec<(&str, &str, &str)> {
    let parts = readme.split("```").skip(1).step_by(2);
    let marked = parts.filter_map(|block| {
        let (first, text) = block.split_once('\n')?;
        let (language, path) = first.split_once(" tutorial")?;
        Some((language, path.trim(), text))
    });
    marked.collect()
}

/// Types `commands` in `root`, and returns what they print.
fn typed(commands: &str, root: &Path) -> String {
    let output = Command::new("sh")
        .args(["-e", "-c", commands])
        .current_dir(root)
        // Beside what was built for the tests, whose tree has other processes; unoptimised builds are quicker.
        .env("CARGO_TARGET_DIR", boot::guest::target_dir().with_file_name("tutorial"))
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .stdin(Stdio::null())
        .output()
        .expect("sh can be run");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{commands}\n{out}\n{errors}");
    out.into_owned()
}

#[test]
fn who_follows_the_tutorial_gets_what_it_promises() {
    boot::setup::ensure_qemu().expect("QEMU is there");
    let root = tempfile::tempdir().unwrap();
    copy(&boot::guest::workspace(), root.path());
    let readme = fs::read_to_string(root.path().join("README.md")).unwrap();
    let blocks = blocks(&readme);
    assert!(blocks.iter().any(|(language, ..)| *language == "text"), "the tutorial promises something");
    let mut printed = String::new();
    for (language, path, text) in blocks {
        match language {
            "sh" => printed = typed(text, root.path()),
            "text" => assert!(printed.ends_with(text), "promised: {text:?}; printed: {printed:?}"),
            _ => fs::write(root.path().join(path), text).unwrap(),
        }
    }
}
