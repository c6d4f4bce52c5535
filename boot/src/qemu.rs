//! The machine that QEMU emulates, and what its exit means.

use anyhow::{Result, bail};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The command.
pub const QEMU: &str = "qemu-system-x86_64";

/// How guest code is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Accel {
    /// By QEMU's translator: works everywhere.
    #[default]
    Tcg,
    /// By the processor, through /dev/kvm.
    Kvm,
    /// By the processor if /dev/kvm opens and the processor shows vmx or svm, else by the translator.
    Auto,
}

impl Accel {
    /// Whether to use KVM.
    fn uses_kvm(self) -> bool {
        match self {
            Accel::Tcg => false,
            Accel::Kvm => true,
            // A /dev/kvm without vmx or svm is software that does not run a kernel like ours.
            Accel::Auto => {
                File::options().read(true).write(true).open("/dev/kvm").is_ok() && shows_vmx_or_svm()
            }
        }
    }
}

fn shows_vmx_or_svm() -> bool {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    info.lines()
        .filter(|line| line.starts_with("flags"))
        .any(|line| line.split_whitespace().any(|flag| flag == "vmx" || flag == "svm"))
}

/// What the machine boots.
#[derive(Clone, Debug)]
pub enum Medium {
    /// The loader, started by QEMU through PVH, with the archive as its ramdisk.
    Direct {
        /// The loader.
        loader: PathBuf,
        /// The boot archive.
        archive: PathBuf,
    },
    /// An ISO image, started by the BIOS, or by UEFI if its firmware image is given.
    Iso {
        /// The ISO image.
        image: PathBuf,
        /// A UEFI firmware image such as OVMF.fd.
        firmware: Option<PathBuf>,
    },
}

/// Whether the machine waits for gdb before the first instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Debugger {
    /// It starts at once.
    #[default]
    None,
    /// It waits on TCP port 1234.
    Wait,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What it boots.
    pub medium: Medium,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cores: u32,
    /// How guest code is executed.
    pub accel: Accel,
    /// Count instructions: each takes 2 to the power of this many nanoseconds of guest time. With `Some(0)` runs on
    /// one core are exactly repeatable. Needs TCG.
    pub icount_shift: Option<u8>,
    /// Whether it waits for gdb.
    pub debugger: Debugger,
    /// Further arguments for QEMU.
    pub extra: Vec<OsString>,
}

/// Memory in MiB unless asked otherwise.
pub const DEFAULT_MEMORY_MIB: u32 = 512;
/// Less memory than this the system does not start in, in MiB.
pub const LEAST_MEMORY_MIB: u32 = 64;

impl Machine {
    /// A machine with one processor and the default memory.
    pub fn new(medium: Medium) -> Self {
        Machine {
            medium,
            memory_mib: DEFAULT_MEMORY_MIB,
            cores: 1,
            accel: Accel::default(),
            icount_shift: None,
            debugger: Debugger::None,
            extra: Vec::new(),
        }
    }

    /// The QEMU command for this machine. Its console (COM1) is the character device that `chardev` describes, under
    /// the id `console`; the kernel's log goes to the file `log`.
    pub(crate) fn command(&self, chardev: &str, log: &Path) -> Command {
        let mut command = Command::new(QEMU);
        command.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "q35"]);
        match self.accel.uses_kvm() {
            true => command.args(["-accel", "kvm", "-cpu", "host"]),
            false => command.args(["-accel", "tcg", "-cpu", "max"]),
        };
        command.arg("-m").arg(self.memory_mib.to_string()).arg("-smp").arg(self.cores.to_string());
        match &self.medium {
            Medium::Direct { loader, archive } => {
                command.arg("-kernel").arg(loader).arg("-initrd").arg(archive);
            }
            Medium::Iso { image, firmware } => {
                command.arg("-cdrom").arg(image);
                if let Some(firmware) = firmware {
                    command.arg("-bios").arg(firmware);
                }
            }
        }
        let mut log_chardev = OsString::from("file,id=log,path=");
        log_chardev.push(escaped(log));
        command
            .args(["-chardev", chardev, "-serial", "chardev:console"])
            .arg("-chardev")
            .arg(log_chardev)
            .args(["-device", "isa-debugcon,iobase=0xe9,chardev=log"])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
        if let Some(shift) = self.icount_shift {
            command.arg("-icount").arg(format!("shift={shift},sleep=off"));
        }
        if self.debugger == Debugger::Wait {
            command.args(["-s", "-S"]);
        }
        command.args(&self.extra);
        command
    }

    /// Checks that an archive of `archive_bytes`, whose largest entry is `largest`, has room in this machine.
    ///
    /// # Errors
    /// Says what does not fit and the memory that would do.
    pub fn check_memory(&self, archive_bytes: u64, largest: Option<(&str, u64)>) -> Result<()> {
        let needed = needed_mib(archive_bytes);
        if needed <= MOST_ARCHIVE_MEMORY_MIB && u64::from(self.memory_mib) >= needed {
            return Ok(());
        }
        let has = format!("too little memory: {} MiB", self.memory_mib);
        match largest {
            Some((name, bytes)) if needed > MOST_ARCHIVE_MEMORY_MIB => {
                bail!("{name} ({} MiB) is too large for the boot archive, whatever the memory", mib(bytes))
            }
            Some((name, bytes)) if needed > u64::from(LEAST_MEMORY_MIB) => bail!(
                "{has}: the boot archive is too large for it ({} MiB, of which {name} is {} MiB); use --memory {needed}",
                mib(archive_bytes),
                mib(bytes)
            ),
            _ => bail!("{has}; use --memory {needed}"),
        }
    }
}

/// The archive lies below 4 GiB in one piece, beside the machine's own devices.
const MOST_ARCHIVE_MEMORY_MIB: u64 = 4096;

/// Memory in MiB for an archive of that many bytes: the archive, its files once more as blocks, and the system.
fn needed_mib(archive_bytes: u64) -> u64 {
    (2 * mib(archive_bytes) + 48).next_multiple_of(32).max(u64::from(LEAST_MEMORY_MIB))
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// QEMU's option syntax doubles commas.
fn escaped(path: &Path) -> OsString {
    match path.to_str() {
        Some(text) => text.replace(',', ",,").into(),
        None => path.into(),
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The system shut down and every command succeeded.
    Success,
    /// The system shut down after a command failed.
    Failure,
    /// The kernel panicked.
    Panic,
    /// The loader could not boot the kernel.
    Loader,
    /// The machine went off without saying why: a reset, or Ctrl-A x.
    Off,
    /// The time limit passed.
    TimedOut,
    /// This program was told to stop, by this signal.
    Interrupted(i32),
    /// QEMU failed, with this status; minus the signal if one ended it.
    Qemu(i32),
}

impl Outcome {
    /// What QEMU's exit means. The kernel and the loader write to isa-debug-exit, which turns `n` into `2n + 1`.
    pub fn from_status(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(0), _) => Outcome::Off,
            (Some(0x21), _) => Outcome::Success,
            (Some(0x23), _) => Outcome::Failure,
            (Some(0x25), _) => Outcome::Panic,
            (Some(0x27), _) => Outcome::Loader,
            (Some(code), _) => Outcome::Qemu(code),
            (None, signal) => Outcome::Qemu(-signal.unwrap_or(0)),
        }
    }

    /// The exit status that `boot` ends with; 2 is left to wrong options and a failed build.
    pub fn exit_status(self) -> u8 {
        match self {
            Outcome::Success => 0,
            Outcome::Failure => 1,
            Outcome::Panic => 3,
            Outcome::Loader => 4,
            Outcome::Off => 5,
            Outcome::Qemu(_) => 6,
            Outcome::TimedOut => 124,
            Outcome::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(128),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn only_a_successful_guest_exits_with_zero() {
        let of = |code: i32| Outcome::from_status(ExitStatus::from_raw(code << 8));
        assert_eq!(of(33), Outcome::Success);
        assert_eq!(of(35), Outcome::Failure);
        assert_eq!(of(37), Outcome::Panic);
        assert_eq!(of(39), Outcome::Loader);
        assert_eq!(Outcome::from_status(ExitStatus::from_raw(9)), Outcome::Qemu(-9));
        let zero: Vec<i32> = (0..256).filter(|code| of(*code).exit_status() == 0).collect();
        assert_eq!(zero, [33]);
        assert_eq!(of(35).exit_status(), 1);
    }

    fn machine(memory_mib: u32) -> Machine {
        let medium = Medium::Iso { image: PathBuf::new(), firmware: None };
        Machine { memory_mib, ..Machine::new(medium) }
    }

    #[test]
    fn a_file_too_large_is_named_with_a_memory_that_would_do() {
        let archive = 301 << 20;
        let error = machine(512).check_memory(archive, Some(("big", 300 << 20))).unwrap_err().to_string();
        assert!(error.contains("big is 300 MiB"), "{error}");
        let enough = error.rsplit(' ').next().unwrap().parse().unwrap();
        machine(enough).check_memory(archive, None).unwrap();
        machine(512).check_memory(80 << 20, None).unwrap();
        let error =
            machine(16).check_memory(4 << 20, Some(("boot/kernel", 3 << 20))).unwrap_err().to_string();
        assert_eq!(error, "too little memory: 16 MiB; use --memory 64");
        let error = machine(16_384).check_memory(3 << 30, Some(("huge", 3 << 30))).unwrap_err().to_string();
        assert!(error.contains("huge"), "{error}");
    }

    #[test]
    fn a_comma_in_a_path_stays_part_of_the_path() {
        assert_eq!(escaped(Path::new("/a,b/c")), "/a,,b/c");
    }
}
