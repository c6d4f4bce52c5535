//! The boot archive, for whoever serves its files.

use contracts::spec::archive::{BootImage, boot_image};
use contracts::{ExBox, Service};

use super::own::Never;
use crate::exchange;

/// The memory that the boot archive lies in.
///
/// Holding one proves that nobody reads from or writes to it but by the block that is made of it, if there is one.
pub struct BootArchive {
    address: usize,
    size: usize,
}

impl BootArchive {
    /// # Safety
    ///
    /// The memory is mapped for good, and from the first request on nobody else uses it.
    pub unsafe fn new(address: usize, size: usize) -> Self {
        BootArchive { address, size }
    }
}

/// Serves the boot archive to one SIP at a time: as a block, which is given back when that SIP ends.
pub(super) fn serve(service: Service<BootImage>, archive: &BootArchive) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let Ok(boot_image::ServerStart::Take { next }) = clients.receive().received else { continue };
        let entry = exchange::adopt(archive.address, archive.size).ok();
        // SAFETY: the entry is fresh and the kernel's, and of memory that is used by its block alone.
        match entry.and_then(|entry| unsafe { ExBox::from_entry(entry) }) {
            Some(image) => next.image(image),
            None => next.taken(),
        }
    }
}
