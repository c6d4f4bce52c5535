//! From a machine that is set up to a system that runs: the kernel's services, then the SIPs of the wiring.

use alloc::format;
use alloc::string::{String, ToString};
use core::ptr;

use bootloader_api::BootInfo;
use contracts::binding::bare;
use contracts::manifest::Wiring;
use contracts::signature::KEY_BYTES;
use tar_no_std::TarArchiveRef;

use crate::arch::{power, serial};
use crate::sched::KERNEL_PRIORITY;
use crate::sip::table::TABLE;
use crate::{account, sched, service, sip};

#[used]
// SAFETY: the section is the static's own, and of constant data.
#[unsafe(link_section = ".entente.key")]
static PUBLIC_KEY: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// Starts the system and becomes the thread that reclaims what ended SIPs had.
pub(crate) fn run(boot_info: &'static mut BootInfo) -> ! {
    // SAFETY: the table is the kernel's own, and GS was pointed at the core's data when the machine was set up.
    unsafe { bare::start(&TABLE, account::KERNEL.shared()) };
    sched::adopt_boot_thread(KERNEL_PRIORITY);
    match start(boot_info) {
        Ok(vital) => sip::reap_forever(vital.as_deref()),
        Err(message) => {
            log::error!("{message}");
            serial::write(format!("entente: {message}\r\n").as_bytes());
            power::exit(power::Exit::Failure)
        }
    }
}

/// Starts everything; returns the name of the SIP without which the system is of no use. An error says what is wrong
/// with the system as it was built, for the one who did.
fn start(boot_info: &BootInfo) -> Result<Option<String>, String> {
    sip::install_fault_handling()
        .map_err(|_| "out of memory for the stack that faults are handled on".to_string())?;
    sched::start_preemption()
        .map_err(|_| "out of memory for the stack that preemption runs on".to_string())?;
    let archive = ramdisk(boot_info).ok_or("the machine was started without a boot archive")?;
    let tar = TarArchiveRef::new(archive).map_err(|_| "the boot archive is not a tar file".to_string())?;
    let file = |name: &str| {
        let entry = tar.entries().find(|entry| entry.filename().as_str() == Ok(name));
        entry.map(|entry| entry.data()).ok_or_else(|| format!("the boot archive has no file {name}"))
    };
    let wiring_bytes = file("boot/wiring")?;
    let wiring: Wiring = postcard::from_bytes(wiring_bytes)
        .map_err(|_| "boot/wiring cannot be decoded; build the boot archive again".to_string())?;

    // SAFETY: the kernel reads from `archive` in this function alone, before any SIP runs, and so before its service hands
    // the memory on.
    let memory = unsafe { service::BootArchive::new(archive.as_ptr() as usize, archive.len()) };
    service::start_all(memory, wiring_bytes.into()).map_err(|error| error.to_string())?;
    sip::trust(public_key());
    sip::place_by_hand(&wiring);
    let say = |name: &str, error: sip::StartError| format!("sips/{name}: {error}");
    for name in wiring.names() {
        sip::keep(name, file(&format!("sips/{name}"))?).map_err(|error| say(name, error))?;
    }
    // Only the campaign of the tests has something to tell them.
    let argument = match cfg!(feature = "campaign") {
        true => core::str::from_utf8(file("boot/argument")?).unwrap_or(""),
        false => "",
    };
    for name in &wiring.start {
        sip::start_kept(name, argument, 0).expect("it was just kept").map_err(|error| say(name, error))?;
    }
    Ok(wiring.start.last().cloned())
}

/// The public key of whoever vouches for images, where the image builder wrote it.
fn public_key() -> [u8; KEY_BYTES] {
    // SAFETY: a static may be read; volatile, since it has not the value that the compiler knows of.
    unsafe { ptr::read_volatile(&raw const PUBLIC_KEY) }
}

fn ramdisk(boot_info: &BootInfo) -> Option<&'static [u8]> {
    let address = boot_info.ramdisk_addr.into_option()?;
    // SAFETY: the loader says that the archive lies there, in memory that is not usable for anything else.
    Some(unsafe { core::slice::from_raw_parts(address as *const u8, boot_info.ramdisk_len as usize) })
}
