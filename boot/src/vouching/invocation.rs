//! A call of the compiler, as cargo makes it.

use super::record::{self, Place};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options with a value that say nothing of which code gets into a crate, or what cargo means by them is looked at by itself.
const PLAIN: [&str; 14] = [
    "--error-format",
    "--json",
    "--edition",
    "--cfg",
    "--check-cfg",
    "--diagnostic-width",
    "--color",
    "--crate-type",
    "--allow",
    "--warn",
    "--deny",
    "--forbid",
    "--cap-lints",
    "--target",
];
/// Settings of the code generator that come from cargo's profiles.
const CODEGEN: [&str; 13] = [
    "opt-level",
    "panic",
    "lto",
    "embed-bitcode",
    "codegen-units",
    "debuginfo",
    "split-debuginfo",
    "strip",
    "overflow-checks",
    "debug-assertions",
    "incremental",
    "metadata",
    "extra-filename",
];

/// A call that makes a crate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// The crate's root file.
    pub(super) root: PathBuf,
    /// Whether the target is named: what runs on the host is compiled without.
    pub(super) has_target: bool,
    /// Whether lints are capped, as they are for what does not lie in the workspace.
    pub(super) is_capped: bool,
    /// The first argument that is not expected.
    pub(super) unexpected: Option<String>,
    /// The crates that it names, by the names that it has for them, and the files in which they lie.
    pub(super) uses: Vec<(String, PathBuf)>,
    name: String,
    suffix: String,
    folder: PathBuf,
}

impl Invocation {
    /// Reads the compiler's arguments, of which `allowed` are expected as they stand. None if the call makes no crate, or one
    /// that cargo has no use for.
    pub(super) fn read(arguments: &[OsString], allowed: &[&str]) -> Option<Self> {
        let mut call = Invocation::default();
        let mut roots = 0;
        let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
        while let Some(argument) = arguments.next() {
            if allowed.contains(&argument.as_str()) {
                continue;
            }
            let (option, value) = match argument.split_once('=') {
                Some((option, value)) if option.starts_with("--") => {
                    (option.to_owned(), Some(value.to_owned()))
                }
                _ => (argument.clone(), None),
            };
            // A file with more arguments.
            if option.starts_with('@') {
                call.unexpected.get_or_insert(option);
                continue;
            }
            if !option.starts_with('-') {
                roots += 1;
                call.root = option.into();
                continue;
            }
            let is_joined = !option.starts_with("--") && option.len() > 2;
            let (option, value) = match value {
                None if is_joined => (option[..2].to_owned(), Some(option[2..].to_owned())),
                None if option == "-v" => continue,
                None => (option, arguments.next()),
                value => (option, value),
            };
            if !call.take(&option, value.as_deref().unwrap_or_default()) {
                let value = value.map_or_else(String::new, |value| format!(" {value}"));
                call.unexpected.get_or_insert(format!("{option}{value}"));
            }
        }
        let is_complete =
            !call.name.is_empty() && !call.suffix.is_empty() && !call.folder.as_os_str().is_empty();
        (is_complete && roots == 1).then_some(call)
    }

    /// Whether an option is one of those expected.
    fn take(&mut self, option: &str, value: &str) -> bool {
        match option {
            "--crate-name" => self.name = value.to_owned(),
            "--out-dir" => self.folder = value.into(),
            "--extern" => match value.split_once('=') {
                // With a modifier the name would be another.
                Some((name, path)) if !name.contains(':') => self.uses.push((name.to_owned(), path.into())),
                Some(_) => return false,
                // Of the compiler's own.
                None => return value == "proc_macro",
            },
            "--emit" => return value.split(',').all(|kind| ["dep-info", "metadata", "link"].contains(&kind)),
            "-L" => return value.starts_with("dependency="),
            "-C" | "--codegen" => {
                let (key, value) = value.split_once('=').unwrap_or((value, ""));
                if key == "extra-filename" {
                    self.suffix = value.to_owned();
                }
                return CODEGEN.contains(&key) || (key, value) == ("linker", "cc");
            }
            "--target" => self.has_target = true,
            "--cap-lints" => self.is_capped = true,
            _ => return PLAIN.contains(&option) || ["-A", "-W", "-D", "-F"].contains(&option),
        }
        true
    }

    /// These arguments, from which it was read, without the cap of lints.
    pub(super) fn without_cap(&self, arguments: &[OsString]) -> Vec<OsString> {
        let is_cap = |argument: &OsString| argument == "--cap-lints";
        let is_of_cap = |at: usize| is_cap(&arguments[at]) || at > 0 && is_cap(&arguments[at - 1]);
        let is_joined =
            |at: usize| arguments[at].to_str().is_some_and(|text| text.starts_with("--cap-lints="));
        let kept = (0..arguments.len()).filter(|at| !is_of_cap(*at) && !is_joined(*at));
        kept.map(|at| arguments[at].clone()).collect()
    }

    /// Where the crate's code runs.
    pub(super) fn place(&self) -> Place {
        if self.has_target { Place::Image } else { Place::Host }
    }

    /// Where its record goes.
    pub(super) fn record(&self) -> PathBuf {
        record::path(&self.folder, &self.stem())
    }

    /// The list of the files that it was read from, as the compiler writes it.
    pub(super) fn sources(&self) -> PathBuf {
        self.folder.join(format!("{}.d", self.stem()))
    }

    fn stem(&self) -> String {
        format!("{}{}", self.name, self.suffix)
    }
}

/// The files in the compiler's list of what a crate was read from, a relative one counted from `folder`.
pub(super) fn sources(list: &str, folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, files)) = line.split_once(": ") else { continue };
        // A space in a name has a backslash before it.
        let mut name = String::new();
        let mut characters = files.chars().chain([' ']);
        while let Some(c) = characters.next() {
            match c {
                '\\' => name.extend(characters.next()),
                ' ' if !name.is_empty() => found.push(folder.join(std::mem::take(&mut name))),
                ' ' => {}
                c => name.push(c),
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: &str = "--crate-name cobs --edition=2021 /r/cobs-0.3.0/src/lib.rs --error-format=json \
        --json=diagnostic-rendered-ansi,artifacts,future-incompat --crate-type lib --emit=dep-info,metadata,link -C opt-level=3 \
        -C panic=abort -C embed-bitcode=no -C debuginfo=line-tables-only -C overflow-checks=on --cfg feature=\"x\" \
        --check-cfg cfg(docsrs,test) -C metadata=1f -C extra-filename=-2a --out-dir /t/deps --target x86_64-unknown-linux-gnu \
        -C linker=cc -L dependency=/t/deps -L dependency=/t/host --extern thiserror=/t/deps/libthiserror-3b.rmeta \
        --cap-lints allow -Cforce-frame-pointers=yes -Clink-arg=-nostdlib";

    fn arguments(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(Into::into).collect()
    }

    fn read(text: &str) -> Option<Invocation> {
        Invocation::read(&arguments(text), &["-Cforce-frame-pointers=yes", "-Clink-arg=-nostdlib"])
    }

    #[test]
    fn a_call_of_cargos_is_understood() {
        let call = read(USUAL).expect("it makes a crate");
        assert_eq!(call.unexpected, None);
        assert_eq!(call.root, Path::new("/r/cobs-0.3.0/src/lib.rs"));
        assert_eq!(call.record(), Path::new("/t/deps/cobs-2a.vouching"));
        assert_eq!(call.sources(), Path::new("/t/deps/cobs-2a.d"));
        assert_eq!((call.place(), call.is_capped), (Place::Image, true));
        assert_eq!(call.uses, [("thiserror".to_owned(), "/t/deps/libthiserror-3b.rmeta".into())]);
        let host = read(&USUAL.replace("--target x86_64-unknown-linux-gnu", "")).expect("it makes a crate");
        assert_eq!(host.place(), Place::Host);
    }

    #[test]
    fn lints_are_uncapped_by_leaving_out_the_cap_alone() {
        let call = read(USUAL).expect("it makes a crate");
        let uncapped = call.without_cap(&arguments(USUAL));
        assert_eq!(uncapped, arguments(&USUAL.replace("--cap-lints allow", "")));
        let joined = arguments(&USUAL.replace("--cap-lints allow", "--cap-lints=warn"));
        assert_eq!(call.without_cap(&joined), uncapped);
    }

    #[test]
    fn what_cargo_does_not_say_by_itself_is_named() {
        for (more, expected) in [
            ("-Clink-arg=-Wl,-e,mine", "-C link-arg=-Wl,-e,mine"),
            ("-C link-arg=x.o", "-C link-arg=x.o"),
            ("-C link-args=x.o", "-C link-args=x.o"),
            ("-C linker=/tmp/ld", "-C linker=/tmp/ld"),
            ("-C target-feature=+avx", "-C target-feature=+avx"),
            ("-C llvm-args=x", "-C llvm-args=x"),
            ("--codegen relocation-model=static", "--codegen relocation-model=static"),
            ("-l static=evil", "-l static=evil"),
            ("-lstatic=evil", "-l static=evil"),
            ("-L native=/tmp", "-L native=/tmp"),
            ("-L /tmp", "-L /tmp"),
            ("-Zunpretty=x", "-Z unpretty=x"),
            ("--extern noprelude:core=/tmp/libcore.rlib", "--extern noprelude:core=/tmp/libcore.rlib"),
            ("--extern libc", "--extern libc"),
            ("--emit=asm", "--emit asm"),
            ("--sysroot /tmp", "--sysroot /tmp"),
            ("--sysroot=/tmp", "--sysroot /tmp"),
            ("@/tmp/more", "@/tmp/more"),
        ] {
            let call = read(&format!("{USUAL} {more}")).expect("it makes a crate");
            assert_eq!(call.unexpected.as_deref(), Some(expected), "{more}");
        }
    }

    #[test]
    fn calls_that_make_no_crate_are_nothing_to_it() {
        for text in
            ["-vV", "- --crate-name ___ --print=file-names", "--crate-name probe --out-dir /t x.rs", ""]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_compilers_list_of_sources_is_read() {
        let list = "/t/a.rmeta: src/lib.rs /r/with\\ space.rs\n\n/t/a.d: src/lib.rs\n\nsrc/lib.rs:\n# env-dep:X=a: b\n";
        assert_eq!(
            sources(list, Path::new("/p")),
            [Path::new("/p/src/lib.rs"), Path::new("/r/with space.rs")]
        );
    }
}
