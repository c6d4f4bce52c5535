//! The index of errors in the docs of `contracts` shows exactly what `tests/ui` pins.
//!
//! `WRITE_INDEX=1 cargo test -p channel-derive --test index` writes it anew.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The folders of `tests/ui` whose errors are of the language, in the order of the index.
const CHAPTERS: [(&str, &str); 8] = [
    ("protocol", "Rules of the protocol"),
    ("extension", "Extension"),
    ("names", "Names"),
    ("form", "Form"),
    ("fields", "What may cross"),
    ("exchange", "`derive(Exchange)`"),
    ("use", "Use of endpoints"),
    ("smuggle", "Unsafe code that would get in"),
];

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn index(root: &Path) -> String {
    let mut text =
        "Every error of the contract language, with an example and what rustc says of it.\n".to_owned();
    for (folder, title) in CHAPTERS {
        let _ = write!(text, "\n# {title}\n");
        let dir = root.join("tests/ui").join(folder);
        let mut examples: Vec<_> = fs::read_dir(&dir)
            .expect("a folder of examples")
            .map(|entry| entry.expect("an example").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
            .collect();
        examples.sort();
        for path in examples {
            let source = read(&path);
            let (head, code) = source.split_once("\n\n").expect("a first line that says what is wrong");
            let head = head.strip_prefix("//! ").expect("a doc comment").replace("\n//! ", " ");
            let code = code.trim_end().trim_end_matches("fn main() {}").trim_end();
            let message = read(&path.with_extension("stderr"));
            let _ =
                write!(text, "\n## {head}\n\n```text\n{code}\n```\n\n```text\n{}\n```\n", message.trim_end());
        }
    }
    text
}

#[test]
fn every_error_is_in_the_index_with_its_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("../contracts/src/errors.md");
    let wanted = index(root);
    if std::env::var_os("WRITE_INDEX").is_some() {
        fs::write(&file, &wanted).expect("the index can be written");
    }
    assert!(read(&file) == wanted, "contracts/src/errors.md is out of date: see the top of this file");
}
