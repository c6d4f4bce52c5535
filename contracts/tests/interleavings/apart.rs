//! Builds this test with loom, apart from all else, and runs it.

use std::path::Path;
use std::process::Command;

#[test]
fn every_interleaving_keeps_what_channels_promise() {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--release", "--package", "contracts", "--test", "interleavings", "--", "--nocapture"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", "--cfg loom")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("loom"))
        .output()
        .expect("cargo can be run");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
}
