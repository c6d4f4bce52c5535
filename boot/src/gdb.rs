//! A gdb script with the symbols of kernel and SIPs where they are loaded.

use crate::guest::Images;
use crate::wiring;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Address of the first SIP window (`kernel`'s memory map).
const FIRST_WINDOW: u64 = 0xffff_c000_0000_0000;
/// Bytes from one window to the next.
const WINDOW_BYTES: u64 = 1 << 30;
/// Bytes from the start of a window to the image in it.
const IMAGE_OFFSET: u64 = 17 << 20;

/// Where the image of the SIP started at `position`, counted from 0, is loaded.
pub fn load_address(position: u64) -> u64 {
    FIRST_WINDOW + position * WINDOW_BYTES + IMAGE_OFFSET
}

/// Writes the script to `dir` and returns its path.
///
/// # Errors
/// When it cannot be written.
pub fn write_script(images: &Images, dir: &Path) -> Result<PathBuf> {
    let path = dir.join("entente.gdb");
    std::fs::write(&path, script(images)).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn script(images: &Images) -> String {
    let mut script = String::from("set confirm off\nset pagination off\n");
    let _ = writeln!(script, "file {:?}", images.kernel);
    for (position, name) in (0..).zip(wiring::started()) {
        if let Some(image) = images.sips.get(name) {
            let _ = writeln!(script, "add-symbol-file {image:?} -o {:#x}", load_address(position));
        }
    }
    script.push_str("target remote localhost:1234\n");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sip_has_its_own_window() {
        assert_eq!(load_address(0), 0xffff_c000_0110_0000);
        assert_eq!(load_address(2), 0xffff_c000_8110_0000);
    }
}
