//! The crates that may do what is forbidden to all others that are in an image, or help to make one. Each was looked through, in this
//! version, for what it has unsafe code for, and for macros that would put what their caller says into `unsafe`.
//! `CONTRIBUTING.md` says what to look for in another one.

use super::record::Record;
use crate::guest::workspace;
use std::fmt;

/// What a crate may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// Hold unsafe code, or what cannot be told from it.
    HoldUnsafeCode,
    /// Have a build script, which runs on the host and says how the crate is compiled.
    HaveABuildScript,
    /// Run on the host while images are built, as macros and build scripts do, and what these use.
    RunOnTheHost,
}

/// A crate on the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Audited {
    /// Its package's name.
    pub name: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What it may do.
    pub may: &'static [May],
    /// Why it may.
    pub why: &'static str,
}

/// Where a crate comes from.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// This folder of the workspace.
    Workspace(&'static str),
    /// The registry.
    Registry {
        /// The version.
        version: &'static str,
        /// SHA-256 of the package, as `Cargo.lock` has it.
        checksum: &'static str,
    },
}

impl Audited {
    /// Whether a record is of this crate, in the version of the list, by this `Cargo.lock`.
    pub(super) fn is(&self, record: &Record, lock: &str) -> bool {
        if self.name != record.package {
            return false;
        }
        match &self.origin {
            Origin::Workspace(folder) => record.folder == workspace().join(folder),
            Origin::Registry { version, checksum } => {
                record.version == *version
                    && locked(lock, self.name, version) == [Some((*checksum).to_owned())]
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Workspace(folder) => write!(f, "the one in {folder}/"),
            Origin::Registry { version, .. } => write!(f, "version {version} of the registry"),
        }
    }
}

/// The checksums of all packages of this name and version in a `Cargo.lock`; one that does not come from the registry has none.
fn locked(lock: &str, name: &str, version: &str) -> Vec<Option<String>> {
    let value = |package: &str, key: &str| {
        let line =
            package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        line.map(str::to_owned)
    };
    let packages = lock.split("[[package]]").skip(1);
    let named = packages.filter(|package| {
        value(package, "name").as_deref() == Some(name)
            && value(package, "version").as_deref() == Some(version)
    });
    let checksum = |package| {
        value(package, "source").filter(|source| source.starts_with("registry+"))?;
        value(package, "checksum")
    };
    named.map(checksum).collect()
}

/// The list.
pub const AUDITED: &[Audited] = &[
    ours(
        "channel-derive",
        "channel-derive",
        &[May::RunOnTheHost],
        "writes the unsafe code of contracts; see `kernel/SOUNDNESS.md`",
    ),
    ours(
        "contracts",
        "contracts",
        &[May::HoldUnsafeCode],
        "what all SIPs have in common with the kernel; see `kernel/SOUNDNESS.md`",
    ),
    ours(
        "picture",
        "contracts/picture",
        &[May::RunOnTheHost],
        "draws for the errors of `channel-derive`; has no unsafe code",
    ),
    ours(
        "rt",
        "sips/rt",
        &[May::HoldUnsafeCode],
        "enters SIPs, and has their heap; see `kernel/SOUNDNESS.md`",
    ),
    registry(
        "allocator-api2",
        "0.4.0",
        "c880a97d28a3681c0267bd29cff89621202715b065127cd445fa0f0fe0aa2880",
        &[May::HoldUnsafeCode],
        "the trait of allocators, for `talc`; of its macros only its own pointers get into `unsafe`",
    ),
    registry(
        "autocfg",
        "1.5.1",
        "f2032f911046de80f0a198e0901378627c33f59ea0ac00e363d481118bd70a53",
        &[May::RunOnTheHost],
        "asks the compiler what it can, for the build script of `num-traits`",
    ),
    registry(
        "bitflags",
        "2.13.2",
        "3ded4057c258ba199e2d26386d3af3780957ecaee6c4ef4041c6b4b8b97c0b06",
        &[May::HoldUnsafeCode],
        "forbids unsafe code but in what a macro writes for a feature that is off",
    ),
    registry(
        "block-buffer",
        "0.12.1",
        "d2f6c7dbe95a6ed67ad9f18e57daf93a2f034c524b99fd2b76d18fdfeb6660aa",
        &[May::HoldUnsafeCode],
        "the part of a block that a hash has not used yet",
    ),
    registry(
        "cpufeatures",
        "0.3.1",
        "5ca28b0ae3115b884660db4118d803791fd6756b6e88f39c0f3f7859060d7566",
        &[May::HoldUnsafeCode],
        "asks the processor what it can, for `sha2`; its macros put nothing of their callers into `unsafe`",
    ),
    registry(
        "foldhash",
        "0.2.0",
        "77ce24cb58228fbb8aa041425bb1050850ac19177686ea6e0f41a70416f56fdb",
        &[May::HoldUnsafeCode],
        "hashes, for `hashbrown`",
    ),
    registry(
        "hashbrown",
        "0.17.1",
        "ed5909b6e89a2db4456e54cd5f673791d7eca6732202bbf2a9cc504fe2f9b84a",
        &[May::HoldUnsafeCode],
        "hash tables, for `directory`",
    ),
    registry(
        "hybrid-array",
        "0.4.15",
        "27f864f10dfb56725ce5ce5472bc52252c8f93a4ab86327122cebf62c5f59a17",
        &[May::HoldUnsafeCode],
        "arrays whose length is a type, for `digest`",
    ),
    registry(
        "lock_api",
        "0.4.14",
        "224399e74b87b5f3557511d98dff8b14089b3dadafcab6bb93eab67d3aace965",
        &[May::HoldUnsafeCode],
        "locks around what somebody else implements, for `talc`",
    ),
    registry(
        "log",
        "0.4.35",
        "5d15f86d12da44cd8d4ec3c73984537eb7f4cadcb9776a575a0a8a05ca11005c",
        &[May::HoldUnsafeCode],
        "the logger and its level are statics",
    ),
    registry(
        "num-traits",
        "0.2.19",
        "071dfc062690e90b734c0b2273ce72ad0ffa95f0c74596bc250dcfd960262841",
        &[May::HoldUnsafeCode, May::HaveABuildScript],
        "turns floats into integers that hold them; the script asks for what the compiler can",
    ),
    registry(
        "postcard",
        "1.1.3",
        "6764c3b5dd454e283a30e6dfe78e9b31096d9e32036b5d1eaac7a6119ccb9a24",
        &[May::HoldUnsafeCode],
        "reads and writes buffers by pointers; is given only what is whole",
    ),
    registry(
        "proc-macro2",
        "1.0.107",
        "985e7ec9bb745e6ce6535b544d84d6cd6f7ad8bd711c398938ae983b91a766d9",
        &[May::RunOnTheHost],
        "tokens, for macros; the script asks for what the compiler can",
    ),
    registry(
        "quote",
        "1.0.47",
        "1fbf4db142a473a8d80c26bbf18454ed458bf8d26c8219c331daecfdbd079001",
        &[May::RunOnTheHost],
        "tokens, for macros",
    ),
    registry(
        "scopeguard",
        "1.2.0",
        "94143f37725109f92c262ed2cf5e59bce7498c01bcc1502d7b9afe439a4e9f49",
        &[May::HoldUnsafeCode],
        "calls a function at the end of a scope, for `lock_api`",
    ),
    registry(
        "serde",
        "1.0.229",
        "4148590afebada386688f18773da617792bf2ef03ffc1e4cbd2b1d45b023e0ba",
        &[May::HoldUnsafeCode, May::HaveABuildScript],
        "writes numbers into a buffer of text; the script asks for what the compiler can, and writes a module",
    ),
    registry(
        "serde_core",
        "1.0.229",
        "67dca2c9c51e58a4791a4b1ed58308b39c64224d349a935ab5039aa360942a48",
        &[May::HoldUnsafeCode, May::HaveABuildScript],
        "as `serde`",
    ),
    registry(
        "serde_derive",
        "1.0.229",
        "e7a5d71263a5a7d47b41f6b3f06ba276f10cc18b0931f1799f710578e2309348",
        &[May::RunOnTheHost],
        "writes no unsafe code",
    ),
    registry(
        "sha2",
        "0.11.1",
        "47d7069beb7d6ac7b9acd1039986e73443f24234f41074da099d6f994ac9ad19",
        &[May::HoldUnsafeCode],
        "uses instructions of the processor, if it has them",
    ),
    registry(
        "syn",
        "3.0.10",
        "4ae9ccbea3a7b0b09443036490c8f34a8b1b760fd345e5c0dae0aac718faea79",
        &[May::RunOnTheHost],
        "reads tokens, for macros",
    ),
    registry(
        "talc",
        "5.1.1",
        "53f8ad14fa1c1b8635114abf9721076fe1e869572a5f26a52690f407292c80dc",
        &[May::HoldUnsafeCode],
        "the heap of each SIP",
    ),
    registry(
        "tar-no-std",
        "0.5.0",
        "4ce14e67325dafcde4b79b521f01769db00660c87e3ed4ad9da8006fcee272bf",
        &[May::HoldUnsafeCode],
        "looks at headers where they lie; they may be any bytes",
    ),
    registry(
        "thiserror",
        "2.0.21",
        "09e52cb86a36cede5cb101bf8908837b3e4c6e5e59fe7fd85c23fb56200d189e",
        &[May::HaveABuildScript],
        "the script asks for what the compiler can, and writes a module with a number in its name",
    ),
    registry(
        "thiserror-impl",
        "2.0.21",
        "fe5197923287db20a58125f0bc85c062f7f2c892de97b18c356f9efb14b28524",
        &[May::RunOnTheHost],
        "writes no unsafe code",
    ),
    registry(
        "unicode-ident",
        "1.0.27",
        "a2c754d6c33795a1c324727428e5a7dedb5b06195f9890bdbcba760d3e246563",
        &[May::RunOnTheHost],
        "which characters make a name, for macros",
    ),
];

const fn ours(name: &'static str, folder: &'static str, may: &'static [May], why: &'static str) -> Audited {
    Audited { name, origin: Origin::Workspace(folder), may, why }
}

const fn registry(
    name: &'static str,
    version: &'static str,
    checksum: &'static str,
    may: &'static [May],
    why: &'static str,
) -> Audited {
    Audited { name, origin: Origin::Registry { version, checksum }, may, why }
}
