//! The system that the fault campaign runs in.

use std::sync::OnceLock;

use boot::check::manifest;
use boot::guest::{self, Images};
use boot::setup;
use boot::system::System;
use contracts::manifest::Wiring;

/// The processes that start at boot, in this order.
const STARTED: [&str; 4] = ["archive", "directory", "pong", "undertaker"];
/// Those that the undertaker starts. `hasty` is `faulty` with little time.
const MORTAL: [&str; 4] = ["customer", "faulty", "hasty", "victim"];
/// Percent of the core that `hasty` may have.
const HASTY_PERCENT: u8 = 1;

fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        setup::ensure_qemu().expect("QEMU is there");
        let packages = STARTED.into_iter().chain(MORTAL).filter(|name| *name != "hasty");
        guest::build_campaign(&packages.collect::<Vec<_>>()).expect("the guests build")
    })
}

/// The system, with these orders for the undertaker.
///
/// # Panics
/// If the images cannot be built or read.
pub fn system(orders: &str) -> System {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let wiring = Wiring { start: owned(&STARTED), on_demand: owned(&MORTAL), ..Wiring::default() };
    let system = System::from_images(images().clone(), wiring).expect("the images can be read");
    system.entry("sips/hasty", hasty()).entry("campaign", orders.as_bytes())
}

/// The image of `faulty` with another limit of time in its manifest.
fn hasty() -> Vec<u8> {
    let path = &images().sips["faulty"];
    let found = manifest(path).expect("the image has a manifest");
    let old = postcard::to_allocvec(&found).expect("a manifest can be encoded");
    let mut changed = found;
    changed.cpu_percent = HASTY_PERCENT;
    let new = postcard::to_allocvec(&changed).expect("a manifest can be encoded");
    assert_eq!(old.len(), new.len(), "a number below 128 is a byte");
    let file = std::fs::read(path).expect("the image can be read");
    let mut file = boot::strip::without_debug_info(&file).expect("it is an image");
    let place =
        file.windows(old.len()).position(|window| window == old).expect("the manifest is in the file");
    file[place..place + new.len()].copy_from_slice(&new);
    file
}
