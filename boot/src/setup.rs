//! Installs what is missing on the host, with the system's package manager.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A package manager, and what it calls the things `boot` needs.
struct Manager {
    command: &'static str,
    /// Runs before the installation, if not empty.
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    qemu: &'static [&'static str],
    grub: &'static [&'static str],
    firmware: &'static [&'static str],
    /// Homebrew refuses to run as root.
    root: Root,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Needed,
    NotNeeded,
}

const MANAGERS: &[Manager] = &[
    Manager {
        command: "apt-get",
        refresh: &["update"],
        install: &["install", "-y", "--no-install-recommends"],
        qemu: &["qemu-system-x86"],
        grub: &["grub-common", "grub-pc-bin", "grub-efi-amd64-bin", "xorriso", "mtools"],
        firmware: &["ovmf"],
        root: Root::Needed,
    },
    Manager {
        command: "dnf",
        refresh: &[],
        install: &["install", "-y"],
        qemu: &["qemu-system-x86-core"],
        grub: &["grub2-tools-extra", "grub2-pc-modules", "grub2-efi-x64-modules", "xorriso", "mtools"],
        firmware: &["edk2-ovmf"],
        root: Root::Needed,
    },
    Manager {
        command: "pacman",
        refresh: &[],
        install: &["-Sy", "--noconfirm", "--needed"],
        qemu: &["qemu-system-x86"],
        grub: &["grub", "libisoburn", "mtools"],
        firmware: &["edk2-ovmf"],
        root: Root::Needed,
    },
    Manager {
        command: "zypper",
        refresh: &[],
        install: &["--non-interactive", "install"],
        qemu: &["qemu-x86"],
        grub: &["grub2", "grub2-i386-pc", "grub2-x86_64-efi", "xorriso", "mtools"],
        firmware: &["qemu-ovmf-x86_64"],
        root: Root::Needed,
    },
    Manager {
        command: "apk",
        refresh: &[],
        install: &["add"],
        qemu: &["qemu-system-x86_64"],
        grub: &["grub", "grub-bios", "grub-efi", "xorriso", "mtools"],
        firmware: &["ovmf"],
        root: Root::Needed,
    },
    Manager {
        command: "brew",
        refresh: &[],
        install: &["install"],
        qemu: &["qemu"],
        grub: &["x86_64-elf-grub", "xorriso", "mtools"],
        firmware: &["qemu"],
        root: Root::NotNeeded,
    },
];

/// Tests ask for the same things at the same time.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes sure that QEMU is there.
///
/// # Errors
/// When it is missing and cannot be installed; the message holds the command to type.
pub fn ensure_qemu() -> Result<()> {
    let _one = one_at_a_time();
    if found(crate::qemu::QEMU) {
        return Ok(());
    }
    install(crate::qemu::QEMU, |manager| manager.qemu)?;
    match found(crate::qemu::QEMU) {
        true => Ok(()),
        false => bail!("{} is still missing after the installation", crate::qemu::QEMU),
    }
}

/// Makes sure that GRUB's tools are there, and returns the command that makes an ISO image.
///
/// # Errors
/// When they are missing and cannot be installed; the message holds the command to type.
pub fn ensure_grub() -> Result<&'static str> {
    let _one = one_at_a_time();
    if let Some(command) = grub() {
        return Ok(command);
    }
    install("grub-mkrescue", |manager| manager.grub)?;
    grub().context(
        "grub-mkrescue or its platforms i386-pc and x86_64-efi are still missing after the installation",
    )
}

/// Makes sure that a UEFI firmware image for QEMU is there, and returns it.
///
/// # Errors
/// When it is missing and cannot be installed; the message holds the command to type.
pub fn ensure_firmware() -> Result<PathBuf> {
    const PLACES: &[&str] = &[
        "/usr/share/ovmf/OVMF.fd",
        "/usr/share/edk2/ovmf/OVMF.fd",
        "/usr/share/edk2/x64/OVMF.4m.fd",
        "/usr/share/edk2-ovmf/x64/OVMF.fd",
        "/usr/share/qemu/ovmf-x86_64.bin",
        "/usr/share/OVMF/OVMF.fd",
    ];
    let _one = one_at_a_time();
    let place = || PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
    if let Some(path) = place() {
        return Ok(path);
    }
    install("UEFI firmware for QEMU", |manager| manager.firmware)?;
    place().context("the UEFI firmware is still missing after the installation")
}

fn grub() -> Option<&'static str> {
    let modules = ["/usr/lib/grub", "/usr/share/grub2", "/usr/share/grub"];
    let platform = |name: &str| modules.iter().any(|dir| Path::new(dir).join(name).is_dir());
    let tools = found("xorriso") && found("mformat");
    let linux = tools && platform("i386-pc") && platform("x86_64-efi");
    let command = ["grub-mkrescue", "grub2-mkrescue"].into_iter().find(|command| linux && found(command));
    command.or_else(|| Some("x86_64-elf-grub-mkrescue").filter(|command| tools && found(command)))
}

/// Whether `command` is in the PATH.
fn found(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    found_in(&path, command)
}

fn found_in(path: &OsStr, command: &str) -> bool {
    std::env::split_paths(path).any(|dir| dir.join(command).is_file())
}

/// The shell commands that install `packages`.
fn commands(manager: &Manager, packages: &[&str], sudo: Option<&str>) -> Vec<Vec<String>> {
    let line = |arguments: Vec<&str>| {
        let words = sudo.into_iter().chain([manager.command]).chain(arguments);
        words.map(str::to_owned).collect::<Vec<String>>()
    };
    let mut commands = Vec::new();
    if !manager.refresh.is_empty() {
        commands.push(line(manager.refresh.to_vec()));
    }
    commands.push(line([manager.install, packages].concat()));
    commands
}

fn install(what: &str, packages: fn(&Manager) -> &'static [&'static str]) -> Result<()> {
    let Some(manager) = MANAGERS.iter().find(|manager| found(manager.command)) else {
        bail!("{what} is missing and no known package manager is there; install it and try again");
    };
    let is_root = rustix::process::geteuid().is_root();
    let sudo = (!is_root && manager.root == Root::Needed).then_some("sudo");
    let commands = commands(manager, packages(manager), sudo);
    let typed = commands.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join(" && ");
    let missing = format!("{what} is missing; install it with: {typed}");
    if sudo.is_some_and(|sudo| !found(sudo)) {
        bail!("{missing}");
    }
    let automatic = is_root || std::env::var("CI").is_ok_and(|value| value == "true");
    if !automatic && !agreed(what, &typed)? {
        bail!("{missing}");
    }
    eprintln!("{what} is missing; installing it: {typed}");
    for (position, words) in commands.iter().enumerate() {
        let status = Command::new(&words[0])
            .args(&words[1..])
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Its output is progress; standard output belongs to the guest.
            .stdout(std::io::stderr())
            .stdin(if automatic { Stdio::null() } else { Stdio::inherit() })
            .status();
        let done = status.with_context(|| format!("cannot run {}; {missing}", words[0]))?;
        let is_refresh = position + 1 < commands.len();
        if !done.success() && is_refresh {
            // One source of many may be broken, and the lists may be good enough as they are.
            eprintln!("`{}` failed ({done}); going on", words.join(" "));
        } else if !done.success() {
            bail!("`{}` failed ({done}); {missing}", words.join(" "));
        }
    }
    Ok(())
}

/// Asks on the terminal; without one, nobody agrees.
fn agreed(what: &str, typed: &str) -> Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(false);
    }
    eprint!("{what} is missing. Run `{typed}`? [Y/n] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    // No answer at all (Ctrl-D) is not consent.
    let bytes = stdin.lock().read_line(&mut answer)?;
    Ok(bytes > 0 && matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_refreshes_its_lists_before_it_installs() {
        let apt = MANAGERS.iter().find(|manager| manager.command == "apt-get").unwrap();
        let lines: Vec<String> =
            commands(apt, apt.qemu, Some("sudo")).iter().map(|words| words.join(" ")).collect();
        let install = "sudo apt-get install -y --no-install-recommends qemu-system-x86";
        assert_eq!(lines, ["sudo apt-get update", install]);
        assert_eq!(commands(apt, apt.qemu, None)[0], ["apt-get", "update"]);
    }

    #[test]
    fn a_command_is_found_only_where_the_path_says() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tool"), "").unwrap();
        std::fs::create_dir(dir.path().join("folder")).unwrap();
        let path = std::env::join_paths([Path::new("/nonexistent"), dir.path()]).unwrap();
        assert!(found_in(&path, "tool"));
        assert!(!found_in(&path, "folder"));
        assert!(!found_in(&path, "other"));
    }
}
