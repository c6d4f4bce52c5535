//! An ISO image that GRUB boots through Multiboot2, under BIOS and UEFI.

use crate::setup;
use crate::system::{System, scratch_dir};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// GRUB's configuration: the loader, and the archive as its only module.
const GRUB_CONFIG: &str = "set timeout=0\n\
    set default=0\n\
    menuentry Entente {\n\
    \x20   multiboot2 /boot/loader\n\
    \x20   module2 /boot/archive.tar\n\
    }\n";

/// Writes `system` to an ISO image at `path`. Installs GRUB's tools first if they are missing.
///
/// # Errors
/// When the tools are missing and cannot be installed, or fail.
pub fn write(system: &System, path: &Path) -> Result<()> {
    let mkrescue = setup::ensure_grub()?;
    let dir = scratch_dir()?;
    let boot = dir.path().join("iso").join("boot");
    std::fs::create_dir_all(boot.join("grub"))?;
    std::fs::write(boot.join("grub").join("grub.cfg"), GRUB_CONFIG)?;
    std::fs::copy(&system.images.loader, boot.join("loader")).context("cannot copy the loader")?;
    system.archive.write(&boot.join("archive.tar")).context("cannot write the boot archive")?;
    // A relative path that starts with a dash would be taken for an option.
    let path = std::path::absolute(path)?;
    let output = Command::new(mkrescue)
        .arg("-o")
        .arg(&path)
        .arg(dir.path().join("iso"))
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {mkrescue}"))?;
    if !output.status.success() {
        bail!("{mkrescue} failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(())
}
