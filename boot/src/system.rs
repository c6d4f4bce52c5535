//! The whole system, ready to run: images, archive and machine in one value.

use crate::archive::{Archive, FileError};
use crate::guest::{self, Images};
use crate::qemu::{Machine, Medium};
use crate::run::{Finished, Guest};
use crate::signing::Key;
use crate::strip::without_debug_info;
use crate::{check, setup};
use anyhow::{Context, Result, bail};
use contracts::manifest::{Role, Wiring};
use contracts::restart::Restart;
use std::path::Path;
use std::time::Duration;

/// The name of the archive's entry with the commands of `--exec`.
const EXEC: &str = "boot/exec";
/// The name of the archive's entry with the wiring.
const WIRING: &str = "boot/wiring";

/// A system: what goes into its boot archive, and the machine it runs on.
#[derive(Clone, Debug)]
pub struct System {
    /// The built images.
    pub images: Images,
    /// The boot archive.
    pub archive: Archive,
    /// The machine.
    pub machine: Machine,
    /// Who starts which processes, as it is packed.
    wiring: Wiring,
}

impl System {
    /// Builds the guests, checks that they fit together and packs them, signed with this key. Installs QEMU first if it is
    /// missing.
    ///
    /// # Errors
    /// When one of these steps fails.
    pub fn build(key: &Key) -> Result<Self> {
        setup::ensure_qemu()?;
        let images = guest::build()?;
        let wiring = check::check(&images)?;
        for (name, why) in &images.unvouched {
            eprintln!("warning: nobody vouches for {name}, so it runs in a domain: {why}");
        }
        Self::from_images(images, wiring, key)
    }

    /// Packs images that are built already, signed with this key.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub fn from_images(images: Images, wiring: Wiring, key: &Key) -> Result<Self> {
        let mut archive = Archive::default();
        let mut kernel = small(&images.kernel)?;
        key.install(&mut kernel)?;
        archive.set("boot/kernel", kernel);
        archive.set(WIRING, encoded(&wiring));
        for name in images.sips.keys() {
            archive.set(&format!("sips/{name}"), packed(&images, name, key)?);
        }
        // The archive's path is filled in by `write_to`.
        let medium = Medium::Direct { loader: images.loader.clone(), archive: "".into() };
        Ok(System { images, archive, machine: Machine::new(medium), wiring })
    }

    /// Has the shell run `commands` without a terminal and shut down. They are not to be run twice, so the shell is not
    /// started again when it fails.
    #[must_use]
    pub fn exec(mut self, commands: &str) -> Self {
        self.archive.set(EXEC, commands.as_bytes().to_vec());
        self.rewire(|wiring| {
            let purpose = wiring.supervised.iter_mut().filter(|process| process.role == Role::Purpose);
            purpose.for_each(|process| process.policy.restart = Restart::Never);
        })
    }

    /// Changes the wiring.
    #[must_use]
    pub fn rewire(mut self, change: impl FnOnce(&mut Wiring)) -> Self {
        change(&mut self.wiring);
        self.archive.set(WIRING, encoded(&self.wiring));
        self
    }

    /// Has the processes of this name run in domains, whoever starts them.
    ///
    /// # Errors
    /// When there is no image of that name, or it is to run in the kernel's space.
    pub fn domain(self, name: &str) -> Result<Self> {
        if !self.images.sips.contains_key(name) {
            bail!("--domain {name}: there is no process of that name");
        }
        if self.wiring.no_domains.iter().any(|other| other == name) {
            bail!("--domain {name}: there is --no-domain {name}, too");
        }
        Ok(self.rewire(|wiring| wiring.domains.push(name.to_owned())))
    }

    /// Has the processes of this name run in the kernel's space, whoever starts them.
    ///
    /// # Errors
    /// When there is no image of that name, it is to run in a domain, or nobody vouches for it.
    pub fn no_domain(self, name: &str) -> Result<Self> {
        if !self.images.sips.contains_key(name) {
            bail!("--no-domain {name}: there is no process of that name");
        }
        if self.wiring.domains.iter().any(|other| other == name) {
            bail!("--no-domain {name}: there is --domain {name}, too");
        }
        if let Some(why) = self.images.unvouched.get(name) {
            bail!("--no-domain {name}: nobody vouches for its image: {why}");
        }
        Ok(self.rewire(|wiring| wiring.no_domains.push(name.to_owned())))
    }

    /// Adds a host file under its base name.
    ///
    /// # Errors
    /// When the file cannot be added.
    pub fn file(mut self, path: impl AsRef<Path>) -> Result<Self, FileError> {
        self.archive.add_file(path.as_ref())?;
        Ok(self)
    }

    /// Sets an entry of the archive, in place of one of that name.
    #[must_use]
    pub fn entry(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.archive.set(name, bytes.into());
        self
    }

    /// Sets the machine's memory.
    #[must_use]
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.machine.memory_mib = memory_mib;
        self
    }

    /// Sets the number of processors.
    #[must_use]
    pub fn cores(mut self, cores: u32) -> Self {
        self.machine.cores = cores;
        self
    }

    /// Counts instructions; see [`Machine::icount_shift`].
    #[must_use]
    pub fn icount(mut self, shift: u8) -> Self {
        self.machine.icount_shift = Some(shift);
        self
    }

    /// Writes the archive to `dir` and returns the machine that boots it.
    ///
    /// # Errors
    /// When the archive is too large for the machine or cannot be written.
    pub fn write_to(&self, dir: &Path) -> Result<Machine> {
        self.machine.check_memory(self.archive.bytes(), self.archive.largest())?;
        let path = dir.join("archive.tar");
        self.archive.write(&path).context("cannot write the boot archive")?;
        let medium = Medium::Direct { loader: self.images.loader.clone(), archive: path };
        Ok(Machine { medium, ..self.machine.clone() })
    }

    /// Starts the system under the caller's control.
    ///
    /// # Errors
    /// When the archive cannot be written or QEMU not be started.
    pub fn start(&self) -> Result<Guest> {
        let dir = scratch_dir()?;
        let machine = self.write_to(dir.path())?;
        Guest::start_in(&machine, dir)
    }

    /// Runs the system to its end, at most `limit`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, limit: Duration) -> Result<Finished> {
        self.start()?.wait(limit)
    }
}

/// The image in a file, without what only a debugger reads.
fn small(path: &Path) -> Result<Vec<u8>> {
    let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    without_debug_info(&file).with_context(|| path.display().to_string())
}

/// The image of the process `name` as it is packed: without what only a debugger reads, and signed if it is vouched for.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn packed(images: &Images, name: &str, key: &Key) -> Result<Vec<u8>> {
    let path = images.sips.get(name).with_context(|| format!("there is no process {name}"))?;
    let image = small(path)?;
    Ok(if images.unvouched.contains_key(name) { image } else { key.sign(&image) })
}

fn encoded(wiring: &Wiring) -> Vec<u8> {
    postcard::to_allocvec(wiring).expect("memory can be written to")
}

/// A fresh directory for one run's archive and log.
///
/// # Errors
/// When it cannot be created.
pub fn scratch_dir() -> Result<tempfile::TempDir> {
    let target = guest::target_dir();
    std::fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    let dir = tempfile::Builder::new().prefix("run-").tempdir_in(&target);
    dir.with_context(|| format!("cannot create a directory in {}", target.display()))
}
