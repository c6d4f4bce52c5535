//! What the tests that boot the system share: systems made of the tests' own processes, and the facts that these write
//! to the kernel's log.
//!
//! The guests are built once for all tests, by the first that needs them; the processes of `tests/guests/` are among
//! [`boot::guest::Images::sips`].
#![forbid(unsafe_code)]

pub mod attacks;
pub mod campaign;
mod placement;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

pub use boot::facts::{Fact, facts};
use boot::guest::{self, Images};
use boot::signing::Key;
use boot::system::{self, System};
use boot::wiring::{self, Start};
use boot::{check, setup};
use contracts::manifest::{Manifest, Role, Wiring};

pub use placement::{PLACEMENTS, Placement};

/// The tests' own processes.
pub const PROCESSES: &[&str] = &[
    "ahead",
    "altered",
    "assistant",
    "booth",
    "bounded",
    "census",
    "coroner",
    "dealer",
    "echo",
    "examiner",
    "faulty",
    "fragile",
    "greedy",
    "heir",
    "hostile",
    "impostor",
    "keeper",
    "lives",
    "meter",
    "mortal",
    "mourner",
    "nested",
    "north",
    "oracle",
    "origin",
    "outdated",
    "payer",
    "porter",
    "punctual",
    "relay",
    "sink",
    "south",
    "spinner",
    "toiler",
    "twin",
    "warden",
    "witness",
];

/// Those of them that hold unsafe code and are signed all the same, since what they show is shown in the kernel's space, or of a
/// domain that may use what a vouched process may. No list of what ships has them.
pub const TRUSTED: &[&str] = &["faulty", "fragile", "hostile", "impostor", "mortal", "nested"];

/// The images of the system and of the tests' own processes.
///
/// # Panics
/// If they cannot be built; cargo has said why. If one is trusted that need not be.
pub fn images() -> &'static Images {
    static IMAGES: OnceLock<Images> = OnceLock::new();
    IMAGES.get_or_init(|| {
        setup::ensure_qemu().expect("QEMU is there");
        let mut images = guest::build_with(PROCESSES).expect("the guests build");
        for name in TRUSTED {
            assert!(images.unvouched.remove(*name).is_some(), "{name} is vouched for anyway");
        }
        images
    })
}

/// A system that starts these processes, in this order, and no others. It ends with the last one.
///
/// # Panics
/// If there is no image of one of them.
pub fn system_of(processes: &[&str]) -> System {
    let mut images = images().clone();
    images.sips.retain(|name, _| processes.contains(&name.as_str()));
    assert_eq!(images.sips.len(), processes.len(), "each of {processes:?} has an image");
    let start = processes.iter().map(|name| (*name).to_owned()).collect();
    let wiring = Wiring { start, ..Wiring::default() };
    System::from_images(images, wiring, key()).expect("the images can be read")
}

/// A system with a supervisor, which starts these processes by their manifests' policies, in this order. It ends with
/// `purpose`.
///
/// # Panics
/// If there is no image of one of them, or they do not fit together.
pub fn supervised_system(parts: &[&str], purpose: &str) -> System {
    let all = images();
    let mut images = all.clone();
    let named = |name: &str| name == "supervisor" || name == purpose || parts.contains(&name);
    images.sips.retain(|name, _| named(name));
    let process = |start, name: &str| {
        (start, check::manifest(&all.sips[name]).unwrap_or_else(|error| panic!("{name}: {error:#}")))
    };
    let mut processes = vec![process(Start::ByKernel, "supervisor")];
    processes.extend(parts.iter().map(|name| process(Start::Supervised(Role::Part), name)));
    processes.push(process(Start::Supervised(Role::Purpose), purpose));
    check::fit(&processes).expect("the processes fit together");
    let wiring = wiring::wiring(processes.iter().map(|(start, manifest)| (*start, manifest)));
    System::from_images(images, wiring, key()).expect("the images can be read")
}

/// The system that users get.
///
/// # Panics
/// If an image cannot be read, or the processes do not fit together.
pub fn whole_system() -> System {
    let mut images = images().clone();
    images.sips.retain(|name, _| !PROCESSES.contains(&name.as_str()));
    let wiring = check::check(&images).expect("the processes fit together");
    System::from_images(images, wiring, key()).expect("the images can be read")
}

/// The same, with one of the tests' own processes, which starts before all others.
///
/// # Panics
/// As [`whole_system`].
pub fn whole_system_and(process: &str) -> System {
    let system = whole_system().rewire(|wiring| wiring.start.insert(0, process.to_owned()));
    system.entry(&format!("sips/{process}"), packed(process))
}

/// The key that the systems of these tests are signed with.
///
/// # Panics
/// If it can be neither read nor made.
pub fn key() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key::development().expect("there is a key"))
}

/// The image of the process `name` as it is packed: signed, if it is vouched for.
///
/// # Panics
/// If it cannot be read.
pub fn packed(name: &str) -> Vec<u8> {
    system::packed(images(), name, key()).expect("the image can be read")
}

/// The image of the process `name` as it was built, unsigned.
///
/// # Panics
/// If it cannot be read.
pub fn image(name: &str) -> Vec<u8> {
    std::fs::read(&images().sips[name]).expect("the image can be read")
}

/// The image at `path` with another manifest, whose numbers below 128 may differ, and names of the same length. It is
/// signed.
///
/// # Panics
/// If it cannot be read, or the manifest is longer or shorter.
pub fn altered(path: &Path, change: impl FnOnce(&mut Manifest)) -> Vec<u8> {
    let found = check::manifest(path).expect("the image has a manifest");
    let old = postcard::to_allocvec(&found).expect("a manifest can be encoded");
    let mut changed = found;
    change(&mut changed);
    let new = postcard::to_allocvec(&changed).expect("a manifest can be encoded");
    assert_eq!(old.len(), new.len(), "a number below 128 is a byte");
    let file = std::fs::read(path).expect("the image can be read");
    let mut file = boot::strip::without_debug_info(&file).expect("it is an image");
    let place =
        file.windows(old.len()).position(|window| window == old).expect("the manifest is in the file");
    file[place..place + new.len()].copy_from_slice(&new);
    key().sign(&file)
}

/// What `cargo run -- ARGUMENTS` says, and its exit status, where it is to fail and print nothing else.
///
/// # Panics
/// If cargo does not run, or there is something on standard output.
pub fn refused(arguments: &[&str]) -> (String, Option<i32>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let run = Command::new(cargo)
        .args(["run", "--quiet", "--package", "boot", "--"])
        .args(arguments)
        .current_dir(guest::workspace())
        .output()
        .expect("cargo runs");
    assert!(run.stdout.is_empty(), "{:?}", String::from_utf8_lossy(&run.stdout));
    (String::from_utf8_lossy(&run.stderr).into_owned(), run.status.code())
}
