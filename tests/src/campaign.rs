//! The system that the fault campaign runs in.

use std::sync::OnceLock;

use boot::check::manifest;
use boot::guest::{self, Images};
use boot::setup;
use boot::system::System;
use contracts::manifest::Wiring;

/// The processes that start at boot, in this order.
const STARTED: [&str; 4] = ["archive", "directory", "pong", "undertaker"];
/// Those that the undertaker starts.
const MORTAL: [&str; 4] = ["customer", "faulty", "hostile", "victim"];
/// Others of these with another share of the core, in percent: with little, or so that the image is another.
const ALTERED: [(&str, &str, u8); 3] =
    [("hasty", "faulty", 1), ("hasty-hostile", "hostile", 1), ("stray", "faulty", 61)];
/// That of `ALTERED` which is no process of the system, but a file.
const STRAY: &str = "stray";
/// Those that run in a domain.
const IN_DOMAINS: [&str; 1] = ["hostile"];

fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        setup::ensure_qemu().expect("QEMU is there");
        guest::build_campaign(&[&STARTED[..], &MORTAL].concat()).expect("the guests build")
    })
}

/// The system, with these orders for the undertaker.
///
/// # Panics
/// If the images cannot be built or read.
pub fn system(orders: &str) -> System {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let altered = ALTERED.map(|(name, ..)| name);
    let on_demand: Vec<&str> = MORTAL.into_iter().chain(altered).filter(|name| *name != STRAY).collect();
    let wiring = Wiring {
        start: owned(&STARTED),
        on_demand: owned(&on_demand),
        domains: owned(&IN_DOMAINS),
        ..Wiring::default()
    };
    let mut system = System::from_images(images().clone(), wiring).expect("the images can be read");
    for (name, of, percent) in ALTERED {
        let path = if name == STRAY { name.to_owned() } else { format!("sips/{name}") };
        system = system.entry(&path, with_share(of, percent));
    }
    system.entry("campaign", orders.as_bytes())
}

/// The image of a process with another limit of time in its manifest.
fn with_share(name: &str, percent: u8) -> Vec<u8> {
    let path = &images().sips[name];
    let found = manifest(path).expect("the image has a manifest");
    let old = postcard::to_allocvec(&found).expect("a manifest can be encoded");
    let mut changed = found;
    changed.cpu_percent = percent;
    let new = postcard::to_allocvec(&changed).expect("a manifest can be encoded");
    assert_eq!(old.len(), new.len(), "a number below 128 is a byte");
    let file = std::fs::read(path).expect("the image can be read");
    let mut file = boot::strip::without_debug_info(&file).expect("it is an image");
    let place =
        file.windows(old.len()).position(|window| window == old).expect("the manifest is in the file");
    file[place..place + new.len()].copy_from_slice(&new);
    file
}
