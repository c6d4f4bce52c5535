//! What is vouched for, in projects that are built as images are: cargo calls `boot` in the compiler's place.

use std::fs;
use std::process::{Command, Output};

use boot::vouching::rustc::VARIABLE;
use boot::vouching::{self, Built};
use tempfile::TempDir;

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// A program that does nothing wrong.
const MAIN: (&str, &str) = ("src/main.rs", "fn main() {}\n");
/// One that uses the crate `helper`.
const USER: (&str, &str) = ("src/main.rs", "fn main() {\n    helper::help();\n}\n");
const HELP: &str = "pub fn help() {}\n";

/// A project with a program, `probe`.
struct Project(TempDir);

impl Project {
    /// The program's `Cargo.toml` goes on with `more`.
    fn new(more: &str, files: &[(&str, &str)]) -> Self {
        let project = Project(tempfile::tempdir().expect("a directory"));
        project.package("", "probe", "0.1.0", more);
        files.iter().for_each(|(path, text)| project.write(path, text));
        project
    }

    /// The same, with a crate `helper` beside it.
    fn with_helper(more: &str, files: &[(&str, &str)]) -> Self {
        let project = Project::new("[dependencies]\nhelper = { path = \"helper\" }\n", files);
        project.package("helper/", "helper", "1.0.0", more);
        project
    }

    fn package(&self, folder: &str, name: &str, version: &str, more: &str) {
        let package =
            format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n{more}");
        self.write(&format!("{folder}Cargo.toml"), &package);
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, text).expect("a file can be written");
    }

    fn build(&self, variables: &[(&str, &str)]) -> Output {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--offline", "--target", TARGET, "--target-dir", "target"]);
        command
            .current_dir(self.0.path())
            .env("RUSTC_WRAPPER", env!("CARGO_BIN_EXE_boot"))
            .env(VARIABLE, "1");
        command.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS").envs(variables.iter().copied());
        command.output().expect("cargo runs")
    }

    fn built(&self) -> Built {
        let target = self.0.path().join("target");
        let lock = self.0.path().join("Cargo.lock");
        Built { images: target.join(TARGET).join("debug"), host: target.join("debug"), lock }
    }

    /// What stands in the way of signing the program, which builds in any case; nothing if nothing does.
    fn complaint_with(&self, variables: &[(&str, &str)]) -> String {
        let output = self.build(variables);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let complaint = vouching::judge(&self.built(), "probe").err().map(|error| format!("{error:#}"));
        complaint.unwrap_or_default().replace(&format!("{}/", self.0.path().display()), "")
    }

    fn complaint(&self) -> String {
        self.complaint_with(&[])
    }
}

#[test]
fn a_program_of_safe_code_alone_is_vouched_for() {
    assert_eq!(Project::new("", &[MAIN]).complaint(), "");
    assert_eq!(Project::with_helper("", &[USER, ("helper/src/lib.rs", HELP)]).complaint(), "");
}

#[test]
fn unsafe_code_is_named_with_its_place_and_nothing_in_a_package_helps_it() {
    let main = "fn main() {\n    let byte = 1;\n    let _ = unsafe { *(&raw const byte) };\n}\n";
    let expected = "probe 0.1.0: src/main.rs:3: `unsafe`";
    assert_eq!(Project::new("", &[("src/main.rs", main)]).complaint(), expected);
    let allowed = "[lints.rust]\nunsafe_code = \"allow\"\n";
    assert_eq!(Project::new(allowed, &[("src/main.rs", main)]).complaint(), expected);
    // Without the word, it is the compiler that finds that something is allowed.
    let project = Project::new("", &[("src/main.rs", "#![allow(unsafe_code)]\nfn main() {}\n")]);
    let complaint = project.complaint();
    assert!(
        complaint.starts_with("probe 0.1.0: src/main.rs:1: allow(unsafe_code) incompatible"),
        "{complaint}"
    );
}

#[test]
fn a_file_that_is_read_in_from_elsewhere_is_part_of_a_crate() {
    let main = "include!(\"../more/text\");\nfn main() {\n    help!();\n}\n";
    let more = "macro_rules! help { () => { println!(\"{}\", \"help\") } }\n";
    let project = Project::new("", &[("src/main.rs", main), ("more/text", more)]);
    assert_eq!(project.complaint(), "");
    project.write("more/text", "#[allow(unused)]\nmacro_rules! harm { ($e:expr) => { unsafe { $e } } }\nmacro_rules! help { () => {} }\n");
    assert_eq!(project.complaint(), "probe 0.1.0: src/../more/text:2: `unsafe`");
}

#[test]
fn what_a_macro_of_another_crate_expands_to_is_looked_at_where_the_macro_is() {
    let helper =
        "#[macro_export]\nmacro_rules! read {\n    ($p:expr) => {\n        unsafe { *$p }\n    };\n}\n";
    let main = "fn main() {\n    let byte = 1;\n    let _ = helper::read!(&raw const byte);\n}\n";
    let project = Project::with_helper("", &[("src/main.rs", main), ("helper/src/lib.rs", helper)]);
    assert_eq!(project.complaint(), "helper 1.0.0: helper/src/lib.rs:4: `unsafe`");
}

#[test]
fn what_comes_from_a_registry_is_compiled_without_the_cap_on_lints() {
    let project = Project::new("[dependencies]\nhelper = \"1.0.0\"\n", &[USER]);
    project.package("vendor/helper/", "helper", "1.0.0", "");
    project.write("vendor/helper/.cargo-checksum.json", "{\"files\":{}}");
    let config = "[source.crates-io]\nreplace-with = \"vendor\"\n[source.vendor]\ndirectory = \"vendor\"\n";
    project.write(".cargo/config.toml", config);
    // Whatever it warns of, it is not this.
    let warned = "#![warn(missing_docs)]\nfn unused() {}\npub fn help() {}\n";
    project.write("vendor/helper/src/lib.rs", warned);
    let output = String::from_utf8_lossy(&project.build(&[]).stderr).into_owned();
    assert!(!output.contains("unused"), "{output}");
    assert_eq!(project.complaint(), "");
    project.write("vendor/helper/src/lib.rs", "#![allow(unsafe_code)]\npub fn help() {}\n");
    fs::remove_dir_all(project.0.path().join("target")).expect("it was built");
    let complaint = project.complaint();
    let expected = "helper 1.0.0: vendor/helper/src/lib.rs:1: allow(unsafe_code) incompatible";
    assert!(complaint.starts_with(expected), "{complaint}");
}

#[test]
fn macro_crates_and_build_scripts_come_from_the_list_alone() {
    let host = "it runs on this machine while images are built";
    let derive = "use proc_macro::TokenStream;\n#[proc_macro]\npub fn nothing(_: TokenStream) -> TokenStream {\n    TokenStream::new()\n}\n";
    let main = ("src/main.rs", "helper::nothing!();\nfn main() {}\n");
    let project = Project::with_helper("[lib]\nproc-macro = true\n", &[main, ("helper/src/lib.rs", derive)]);
    assert_eq!(project.complaint(), format!("helper 1.0.0: {host}"));
    let project = Project::new("", &[MAIN, ("build.rs", "fn main() {}\n")]);
    assert_eq!(project.complaint(), "probe 0.1.0: it has a build script");
    let project =
        Project::with_helper("", &[USER, ("helper/src/lib.rs", HELP), ("helper/build.rs", "fn main() {}\n")]);
    assert_eq!(project.complaint(), "helper 1.0.0: it has a build script");
}

#[test]
fn whatever_else_the_compiler_is_told_is_named() {
    let project = Project::new("", &[MAIN]);
    let complaint = project.complaint_with(&[("RUSTFLAGS", "-Clink-arg=-Wl,-z,now")]);
    assert_eq!(complaint, "probe 0.1.0: it is compiled with -C link-arg=-Wl,-z,now, which nobody expects");
    let project = Project::new("", &[MAIN]);
    let config = "[build]\nrustflags = [\"-Lnative=/tmp\"]\n";
    project.write(".cargo/config.toml", config);
    assert_eq!(project.complaint(), "probe 0.1.0: it is compiled with -L native=/tmp, which nobody expects");
}

#[test]
fn a_stable_compiler_stays_stable() {
    let feature = ("src/main.rs", "#![feature(never_type)]\nfn main() {}\n");
    let project = Project::new("", &[feature]);
    let output = project.build(&[("RUSTC_BOOTSTRAP", "1")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("E0554"), "{said}");
}

#[test]
fn who_is_called_like_one_on_the_list_is_not_the_one_on_the_list() {
    let unsafe_help = "pub fn help() {\n    unsafe { help() }\n}\n";
    for (name, version, expected) in [
        ("talc", "5.1.1", "the list has version 5.1.1 of the registry"),
        ("talc", "5.0.0", "the list has version 5.1.1 of the registry"),
        ("rt", "0.1.0", "the list has the one in sips/rt/"),
    ] {
        let more = format!("[dependencies]\nhelper = {{ path = \"helper\", package = \"{name}\" }}\n");
        let project = Project::new(&more, &[USER, ("helper/src/lib.rs", unsafe_help)]);
        project.package("helper/", name, version, "[lib]\nname = \"helper\"\n");
        let complaint = project.complaint();
        assert_eq!(complaint, format!("{name} {version}: helper/src/lib.rs:2: `unsafe`; {expected}"));
    }
}

#[test]
fn nobody_answers_for_contracts_or_for_the_compilers_own_crates() {
    for name in ["contracts", "core"] {
        let more = format!("[dependencies]\n{name} = {{ path = \"helper\", package = \"helper\" }}\n");
        let project = Project::new(&more, &[MAIN, ("helper/src/lib.rs", HELP)]);
        project.package("helper/", "helper", "1.0.0", "");
        assert!(project.complaint().starts_with(&format!("probe 0.1.0: it calls another crate {name}")));
    }
}

#[test]
fn what_is_known_of_a_crate_changes_with_it() {
    let project = Project::new("", &[MAIN]);
    assert_eq!(project.complaint(), "");
    let modified = |text: &str| {
        // Cargo goes by the time of the file, which may be in whole seconds.
        project.write("src/main.rs", text);
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(2);
        let file =
            fs::File::options().append(true).open(project.0.path().join("src/main.rs")).expect("a file");
        file.set_modified(later).expect("it has a time");
    };
    modified("fn main() {\n    unsafe {}\n}\n");
    assert_eq!(project.complaint(), "probe 0.1.0: src/main.rs:2: `unsafe`");
    let built = project.built();
    fs::remove_file(built.images.join("probe")).expect("it was built");
    fs::write(built.images.join("probe"), b"another").expect("it can be written");
    let error = format!("{:#}", vouching::judge(&built, "probe").expect_err("nobody compiled it"));
    assert_eq!(error, "nothing is known of how it was compiled");
}

#[test]
fn an_error_is_reported_once() {
    let project = Project::new("", &[("src/main.rs", "fn main() {\n    let x: u8 = \"\";\n}\n")]);
    let output = project.build(&[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert_eq!(said.matches("mismatched types").count(), 1, "{said}");
}
