//! Building what runs on the machine: kernel, loader and SIPs.
//!
//! Guests share the host's target triple but not its features, so they are built in a cargo call of their own, always
//! with the `guest` profile, and with nothing of the caller's compiler settings. The compiler is called by [`vouching::rustc`].

use crate::vouching::{self, Built};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The target that guests are built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "guest";

/// Flags of every guest: the baseline processor, frame pointers for backtraces, no red zone in our own code. They are
/// linked without the host's C library, and each segment begins with a page, so that it takes as few as it can: each SIP
/// has its variables for itself. Rust makes executables position-independent; what has its own fixed place (the
/// kernel and the loader) undoes that in its build script. So a SIP needs no build script, and has none.
pub(crate) const RUSTFLAGS: &[&str] = &[
    "-Ctarget-cpu=x86-64",
    "-Cforce-frame-pointers=yes",
    "-Cno-redzone=yes",
    "-Crelocation-model=pic",
    "-Clink-arg=-nostartfiles",
    "-Clink-arg=-nostdlib",
    "-Clink-arg=-Wl,-e,_start",
    "-Clink-arg=-Wl,--no-dynamic-linker",
    "-Clink-arg=-Wl,--build-id=none",
    "-Clink-arg=-Wl,-z,norelro",
    "-Clink-arg=-Wl,-z,noexecstack",
    "-Clink-arg=-Wl,-z,max-page-size=4096",
    "-Clink-arg=-Wl,-z,separate-loadable-segments",
];

/// The built images.
#[derive(Clone, Debug)]
pub struct Images {
    /// The loader, to be passed to QEMU as its kernel.
    pub loader: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The SIPs by name.
    pub sips: BTreeMap<String, PathBuf>,
    /// The SIPs that are not vouched for, by name: why.
    pub unvouched: BTreeMap<String, String>,
    /// Where they were built.
    pub built: Built,
}

/// The root of the source tree.
pub fn workspace() -> PathBuf {
    let boot = Path::new(env!("CARGO_MANIFEST_DIR"));
    boot.parent().unwrap_or(boot).to_owned()
}

/// Where guests and everything generated for a run go; honours `CARGO_TARGET_DIR`.
pub fn target_dir() -> PathBuf {
    // A relative path counts from the root, where cargo is usually called; tests run in their package's folder.
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    let target = workspace().join(target.unwrap_or_else(|| "target".into()));
    target.join("guest")
}

/// The SIPs in the source tree, by name: every package under `sips/` but the runtime.
///
/// # Errors
/// When `sips/` cannot be read.
pub fn sips() -> Result<Vec<String>> {
    let dir = workspace().join("sips");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name != "rt" && entry.path().join("Cargo.toml").is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Builds all guests; cargo's progress goes to standard error. May be called by many threads and processes at once.
///
/// # Errors
/// When cargo cannot be run or the build fails (cargo has then said why).
pub fn build() -> Result<Images> {
    static BUILT: Mutex<Option<Images>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(images) = &*built {
        return Ok(images.clone());
    }
    let images = build_with(&[])?;
    *built = Some(images.clone());
    Ok(images)
}

/// As [`build`], with the SIPs of further packages of the workspace, which then are among [`Images::sips`]. Tests have
/// such packages; a system made of them needs a wiring of its own.
///
/// # Errors
/// As [`build`].
pub fn build_with(packages: &[&str]) -> Result<Images> {
    let mut sips = sips()?;
    sips.extend(packages.iter().map(|name| (*name).to_owned()));
    build_in(&target_dir(), "bare", sips)
}

/// Builds these SIPs and no others, and a kernel for the campaign of `tests/`, in a target directory of their own: they
/// share features that nothing that ships has.
///
/// # Errors
/// As [`build`].
pub fn build_campaign(packages: &[&str]) -> Result<Images> {
    let sips = packages.iter().map(|name| (*name).to_owned()).collect();
    build_in(&target_dir().with_file_name("campaign"), "campaign", sips)
}

fn build_in(target: &Path, kernel: &str, sips: Vec<String>) -> Result<Images> {
    fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    let path = target.join(".build-lock");
    let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;

    let status = command(target, kernel, &sips, &compiler()?).status().context("cannot run cargo")?;
    if !status.success() {
        bail!("the guests do not build ({status})");
    }
    let built = Built {
        images: target.join(TARGET).join(PROFILE),
        host: target.join(PROFILE),
        lock: workspace().join("Cargo.lock"),
    };
    let judged = sips.iter().map(|name| (name, vouching::judge(&built, name)));
    let unvouched =
        judged.filter_map(|(name, verdict)| Some((name.clone(), format!("{:#}", verdict.err()?))));
    Ok(Images {
        loader: built.images.join("loader"),
        kernel: built.images.join("kernel"),
        unvouched: unvouched.collect(),
        sips: sips.iter().map(|name| (name.clone(), built.images.join(name))).collect(),
        built,
    })
}

/// The program `boot`, which is what calls the compiler for guests. What links this library in place of it, as tests do, has it
/// built.
fn compiler() -> Result<PathBuf> {
    const NAME: &str = "boot";
    static BUILT: Mutex<bool> = Mutex::new(false);
    let own = std::env::current_exe().context("this program has no file")?;
    if own.file_stem() == Some(NAME.as_ref()) {
        return Ok(own);
    }
    let mut is_built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if !*is_built {
        let status = cargo().args(["build", "--quiet", "-p", NAME, "--bin", NAME]).status();
        if !status.context("cannot run cargo")?.success() {
            bail!("{NAME} does not build");
        }
        *is_built = true;
    }
    let folder = target_dir().with_file_name("debug");
    Ok(folder.join(NAME))
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// The kernel with this feature, and the image of each SIP.
fn features(kernel: &str, sips: &[String]) -> String {
    let images = sips.iter().map(|name| format!("{name}/image"));
    std::iter::once(format!("kernel/{kernel}")).chain(images).collect::<Vec<_>>().join(",")
}

/// Tells the derives of `contracts` that this is an image, where no crate may lead their code elsewhere: see `hygiene.rs`
/// in `channel-derive`.
const ANCHOR: [(&str, &str); 1] = [("CONTRACTS_ANCHOR", "1")];

fn command(target: &Path, kernel: &str, sips: &[String], compiler: &Path) -> Command {
    let mut command = cargo();
    command
        .args([
            "build",
            "--profile",
            PROFILE,
            "--target",
            TARGET,
            "--bins",
            "--features",
            &features(kernel, sips),
        ])
        .arg("--target-dir")
        .arg(target)
        .args(["-p", "kernel", "-p", "loader"]);
    for name in sips {
        // With its version, which all of the workspace share: a dependency may have the same name.
        command.arg("-p").arg(format!("{name}@{}", env!("CARGO_PKG_VERSION")));
    }
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(reaches_the_compiler) {
            command.env_remove(key);
        }
    }
    command
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\u{1f}"))
        .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER", "cc")
        .env("RUSTC_WRAPPER", compiler)
        .env(vouching::rustc::VARIABLE, "1")
        .envs(ANCHOR)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// Whether a variable of the caller's environment would change how guests are compiled.
fn reaches_the_compiler(name: &str) -> bool {
    let exact = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC"];
    let starts = ["CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_", "CARGO_UNSTABLE_"];
    exact.contains(&name) || starts.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_images_is_anchored() {
        let command = command(Path::new("target"), "bare", &["hello".to_owned()], Path::new("boot"));
        let anchor = command.get_envs().find(|(key, _)| *key == "CONTRACTS_ANCHOR");
        assert_eq!(anchor.and_then(|(_, value)| value), Some("1".as_ref()));
    }

    #[test]
    fn compiler_settings_of_the_caller_do_not_reach_the_guests() {
        for name in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_PROFILE_GUEST_DEBUG"]
        {
            assert!(reaches_the_compiler(name), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "PATH", "RUSTUP_TOOLCHAIN", "CARGO_NET_OFFLINE"] {
            assert!(!reaches_the_compiler(name), "{name}");
        }
    }
}
