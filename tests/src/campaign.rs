//! The system that the fault campaign runs in.

use std::sync::OnceLock;
use std::time::Duration;

use boot::guest::{self, Images};
use boot::setup;
use boot::system::System;
use contracts::manifest::{Role, Supervised, Wiring};
use contracts::restart::{Policy, Restart};

use crate::key;

/// The processes that the kernel starts at boot, in this order.
const STARTED: [&str; 4] = ["archive", "directory", "supervisor", "undertaker"];
/// What clients use, and the supervisor starts as often as it ends.
const SERVER: &str = "pong";
const SOON_AGAIN: Policy = Policy {
    restart: Restart::OnFailure,
    back_off: Duration::from_millis(10),
    back_off_cap: Duration::from_millis(10),
    give_up_after: 1000,
    give_up_within: Duration::from_secs(1),
};
/// What ends whenever the supervisor starts it.
const MAYFLY: &str = "mayfly";
const EVER_LATER: Policy = Policy {
    restart: Restart::Always,
    back_off: Duration::from_millis(20),
    back_off_cap: Duration::from_millis(50),
    give_up_after: 4,
    give_up_within: Duration::from_secs(60),
};
/// Those that the undertaker starts.
const MORTAL: [&str; 5] = ["customer", "faulty", "hostile", "modest", "victim"];
/// Another one by a changed manifest.
struct Altered {
    /// What its file is called.
    name: &'static str,
    /// Whose image it is.
    of: &'static str,
    /// What it is called in the manifest, which is as long as before.
    called: &'static str,
    /// Its share of the core, in percent.
    percent: u8,
}

const fn altered(name: &'static str, of: &'static str, called: &'static str, percent: u8) -> Altered {
    assert!(of.len() == called.len());
    Altered { name, of, called, percent }
}

/// Those of little time, those whom nobody vouches for in spite of their image, and one that only has to be another.
const ALTERED: [Altered; 7] = [
    altered("hasty", "faulty", "faulty", 1),
    altered("hasty-hostile", "hostile", "hostile", 1),
    altered("caught", "faulty", "caught", 60),
    altered("hasty-caught", "faulty", "caught", 1),
    altered("inmate", "victim", "inmate", 100),
    // Without an order it does nothing.
    altered(MAYFLY, "victim", "mayfly", 100),
    altered(STRAY, "faulty", "faulty", 61),
];
/// That of `ALTERED` which is no process of the system, but a file.
const STRAY: &str = "stray";
/// Those that run in a domain, by the names in their manifests.
const IN_DOMAINS: [&str; 3] = ["hostile", "caught", "inmate"];

fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        setup::ensure_qemu().expect("QEMU is there");
        let processes = [&STARTED[..], &[SERVER], &MORTAL].concat();
        let mut images = guest::build_campaign(&processes).expect("the guests build");
        // Who is in a domain is there by name, so that processes die in the same ways in either place.
        images.unvouched.clear();
        images
    })
}

/// The system, with these orders for the undertaker, and a bug, by its number, that is planted when it boots in the processes that
/// the kernel starts.
///
/// # Panics
/// If the images cannot be built or read.
pub fn system(orders: &str, bug: u8) -> System {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let altered = ALTERED.iter().map(|altered| altered.name).filter(|name| ![STRAY, MAYFLY].contains(name));
    let on_demand: Vec<&str> = MORTAL.into_iter().chain(altered).collect();
    let wiring = Wiring {
        start: owned(&STARTED),
        supervised: vec![supervised(SERVER, SOON_AGAIN), supervised(MAYFLY, EVER_LATER)],
        on_demand: owned(&on_demand),
        domains: owned(&IN_DOMAINS),
        ..Wiring::default()
    };
    let mut system = System::from_images(images().clone(), wiring, key()).expect("the images can be read");
    for altered in &ALTERED {
        let path = if altered.name == STRAY { STRAY.to_owned() } else { format!("sips/{}", altered.name) };
        system = system.entry(&path, altered.image());
    }
    system.entry("campaign", orders.as_bytes()).entry("boot/argument", format!(" bug {bug}"))
}

fn supervised(name: &str, policy: Policy) -> Supervised {
    Supervised { name: name.to_owned(), policy, needs: Vec::new(), role: Role::Part }
}

impl Altered {
    /// Signed as the others.
    fn image(&self) -> Vec<u8> {
        crate::altered(&images().sips[self.of], |manifest| {
            manifest.name = self.called.to_owned();
            manifest.cpu_percent = self.percent;
        })
    }
}
