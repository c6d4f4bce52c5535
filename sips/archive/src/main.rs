//! The process `archive`: the files of the boot archive.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use archive::Files;
use contracts::Closed;
use contracts::spec::archive::boot_image::ClientTaking;
use contracts::spec::archive::{Archive, BootImage};

rt::manifest! {
    main: main,
    provides: { archive: Archive },
    uses: { boot_image: BootImage },
}

fn main(grants: Grants) {
    let files = match grants.boot_image.take().receive() {
        Ok(ClientTaking::Image { image }) => Files::parse(image),
        Ok(ClientTaking::Taken) | Err(Closed) => {
            rt::log!("there is no boot archive; there are no files");
            Files::none()
        }
    };
    for trouble in files.troubles() {
        rt::log!("{trouble}");
    }
    archive::serve(grants.archive.clients_and(), &files)
}
