//! What the shell says of a file is what the host's own tools say.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tests::whole_system;

const LIMIT: Duration = Duration::from_secs(120);

/// Bytes without a pattern, the same in every run. (xorshift64*, Vigna 2016)
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes: Vec<u8> = (0..length.div_ceil(8))
        .flat_map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
        })
        .collect();
    bytes.truncate(length);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    let words = "It was a dark and stormy night;\tthe rain fell in torrents — except\n  at “occasional” intervals\r\n\n";
    let end = words.repeat(length / words.len() + 1);
    end.as_bytes()[..end.floor_char_boundary(length)].to_vec()
}

/// What a tool of the host prints for these files. `wc` goes by the locale.
fn host(tool: &str, files: &[(String, Vec<u8>)], scratch: &std::path::Path) -> Vec<String> {
    let line = |name: &str| {
        let output = Command::new(tool).arg(name).current_dir(scratch).env("LC_ALL", "C.UTF-8").output();
        String::from_utf8(output.expect("the host has coreutils").stdout).expect("text")
    };
    files.iter().map(|(name, _)| line(name).trim_end().to_owned()).collect()
}

/// Whether the host's `wc` takes words for what GNU `wc` took for them until 9.4: what has a printable character.
fn words_are_printable(scratch: &std::path::Path) -> bool {
    fs::write(scratch.join("probe"), b"\x01\n").expect("it can be written");
    host("wc", &[("probe".into(), Vec::new())], scratch)[0].starts_with("1 0 2")
}

fn agree(files: Vec<(String, Vec<u8>)>) {
    let scratch = tempfile::tempdir().expect("a directory");
    for (name, content) in &files {
        fs::write(scratch.path().join(name), content).expect("it can be written");
    }
    let mut system = whole_system();
    for (name, _) in &files {
        system = system.file(scratch.path().join(name)).expect("it can be added");
    }
    let script: Vec<String> = files.iter().map(|(name, _)| format!("wc {name}; sha256 {name}")).collect();
    let run = system.exec(&script.join("; ")).run(LIMIT).expect("the machine runs");
    let printed = run.text();
    let mut lines = printed.lines();
    let hosts = host("wc", &files, scratch.path()).into_iter().zip(host("sha256sum", &files, scratch.path()));
    let all_words = words_are_printable(scratch.path());
    for ((name, _), (wc, sum)) in files.iter().zip(hosts) {
        let ours = lines.next().unwrap_or_default();
        if all_words || !name.starts_with("noise") {
            assert_eq!(ours, wc);
        } else {
            let but_words = |line: &str| -> Vec<String> {
                line.split_whitespace()
                    .enumerate()
                    .filter(|(place, _)| *place != 1)
                    .map(|(_, word)| word.into())
                    .collect()
            };
            assert_eq!(but_words(ours), but_words(&wc));
        }
        assert_eq!(lines.next(), Some(sum.as_str()));
    }
    assert_eq!(lines.next(), None, "nothing else is printed");
}

#[test]
fn wc_and_sha256_print_what_the_host_prints_for_files_of_every_size() {
    let sizes =
        [0, 1, 2, 9, 10, 99, 511, 512, 513, 4095, 4096, 4097, 65_535, 65_536, 65_537, 131_072, 1 << 20];
    let files = sizes
        .into_iter()
        .flat_map(|size| [(format!("noise-{size}"), noise(size)), (format!("text-{size}.txt"), text(size))]);
    agree(files.collect());
}

#[test]
fn wc_and_sha256_print_what_the_host_prints_for_64_mib() {
    agree(vec![("noise".into(), noise(64 << 20))]);
    agree(vec![("text".into(), text(64 << 20))]);
}

#[test]
fn cat_prints_every_byte_as_it_is() {
    let content = noise(200_000);
    let run = whole_system()
        .entry("noise", content.clone())
        .exec("cat noise")
        .run(LIMIT)
        .expect("the machine runs");
    assert!(run.console == content, "{} bytes came of {}", run.console.len(), content.len());
}
