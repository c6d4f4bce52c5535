//! `cargo run -- new NAME`: a new process from a template.

use crate::guest::workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest name of a process.
const MAX_NAME: usize = 31;
/// The line of the wiring that new processes go above.
const MARKER: &str = "    // new processes go above this line\n";

/// The template's files: path in the process's folder and content, with `{{name}}` for the name and `{{crate}}` for what
/// Rust code calls it.
const TEMPLATE: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../template/lib.rs.in")),
    ("src/main.rs", include_str!("../template/main.rs.in")),
];

/// Names that rustc, cargo or the boot archive keep for themselves.
const RESERVED: &str = "abstract alloc as async await become box break build const continue core crate do dyn else enum \
    extern false final fn for gen if impl in let loop macro match mod move mut override priv proc-macro pub ref return \
    self static std struct super test trait true try type typeof unsafe unsized use virtual where while yield";

/// Makes the process `name` and returns its folder.
///
/// # Errors
/// When the name is not one for a process, is taken, or a file cannot be written.
pub fn make(name: &str) -> Result<PathBuf> {
    make_in(&workspace(), name)
}

fn make_in(root: &Path, name: &str) -> Result<PathBuf> {
    check_name(name)?;
    let dir = root.join("sips").join(name);
    if dir.exists() {
        bail!("sips/{name} exists already");
    }
    // Another package of that name would make `-p NAME` ambiguous.
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    if lock.lines().any(|line| line == format!("name = {name:?}")) {
        bail!("{name} is the name of another package");
    }
    let wiring = root.join("boot/src/wiring.rs");
    let text = fs::read_to_string(&wiring).with_context(|| format!("cannot read {}", wiring.display()))?;
    let Some((above, below)) = text.split_once(MARKER) else {
        bail!("{}: the line `{}` is gone", wiring.display(), MARKER.trim());
    };
    let crate_name = name.replace('-', "_");
    for (path, content) in TEMPLATE {
        let content = content.replace("{{name}}", name).replace("{{crate}}", &crate_name);
        let path = dir.join(path);
        let parent = path.parent().unwrap_or(&dir);
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        fs::write(&path, content.replace("NAME", name))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let text = format!("{above}    on_demand(\"{name}\"),\n{MARKER}{below}");
    fs::write(&wiring, text).with_context(|| format!("cannot write {}", wiring.display()))?;
    Ok(dir)
}

fn check_name(name: &str) -> Result<()> {
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    let consists = name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
    if !starts || !consists || name.ends_with('-') {
        bail!(
            "{name:?} is not a name for a process: use lower-case letters, digits and dashes, a letter first"
        );
    }
    if RESERVED.split_whitespace().any(|word| word == name) {
        bail!("{name:?} is not a name for a process: it is reserved");
    }
    if name.len() > MAX_NAME {
        bail!("{name:?} is longer than {MAX_NAME} characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_cargo_and_the_shell_take() {
        for good in ["hello", "a", "net-2"] {
            check_name(good).unwrap();
        }
        for bad in [
            "",
            "std",
            "match",
            "Hello",
            "2net",
            "-a",
            "a-",
            "a b",
            "a/b",
            "..",
            "ä",
            &"n".repeat(MAX_NAME + 1),
        ] {
            check_name(bad).unwrap_err();
        }
    }

    #[test]
    fn a_new_process_adds_one_line_of_wiring_and_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("boot/src");
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(root.path().join("sips/rt")).unwrap();
        let wiring = source.join("wiring.rs");
        fs::copy(workspace().join("boot/src/wiring.rs"), &wiring).unwrap();
        fs::copy(workspace().join("Cargo.lock"), root.path().join("Cargo.lock")).unwrap();
        let before = fs::read_to_string(&wiring).unwrap();

        make_in(root.path(), "net-2").unwrap();
        let after = fs::read_to_string(&wiring).unwrap();
        assert_eq!(after.replace("    on_demand(\"net-2\"),\n", ""), before);
        assert_eq!(after.lines().count(), before.lines().count() + 1);

        let main = fs::read_to_string(root.path().join("sips/net-2/src/main.rs")).unwrap();
        assert!(main.contains("net_2::speak"), "{main}");

        let taken = make_in(root.path(), "rt").unwrap_err().to_string();
        assert_eq!(taken, "sips/rt exists already");
        let taken = make_in(root.path(), "log").unwrap_err().to_string();
        assert_eq!(taken, "log is the name of another package");
    }
}
