//! In which space an image runs, and what it may use. An image that is not vouched for runs in a domain, whoever says otherwise,
//! and may use what is for everybody and what the wiring grants it.

use alloc::string::String;
use alloc::vec::Vec;

use contracts::manifest::{DEFAULT_PRIORITY, Grant, Manifest, Wiring};
use contracts::signature::KEY_BYTES;
use contracts::spec::system::Placement;
use spin::{Mutex, Once};

use super::images::Image;
use super::vouching::Verdict;

/// The public key by which images are vouched for.
static KEY: Once<[u8; KEY_BYTES]> = Once::new();

/// What was decided by whoever built the system: the SIPs that it named.
struct ByHand {
    domains: Vec<String>,
    kernel: Vec<String>,
    open: Vec<String>,
    grants: Vec<Grant>,
}

static BY_HAND: Mutex<ByHand> =
    Mutex::new(ByHand { domains: Vec::new(), kernel: Vec::new(), open: Vec::new(), grants: Vec::new() });

/// Has images that are signed by this key run in the kernel's space. Only the first call counts, which is before the first
/// SIP starts.
pub fn trust(key: [u8; KEY_BYTES]) {
    KEY.call_once(|| key);
}

/// The key that images have to be signed by; that of nobody, if there is none.
pub(super) fn key() -> [u8; KEY_BYTES] {
    KEY.get().copied().unwrap_or([0; KEY_BYTES])
}

/// Has the SIPs run where the wiring says, and use what it says.
pub fn place_by_hand(wiring: &Wiring) {
    *BY_HAND.lock() = ByHand {
        domains: wiring.domains.clone(),
        kernel: wiring.no_domains.clone(),
        open: wiring.open.clone(),
        grants: wiring.grants.clone(),
    };
}

/// Whether a SIP whose image nobody vouches for may use a service; the wiring has the image under the name `kept`, if it has it.
pub(super) fn is_granted(kept: Option<&str>, service: &str) -> bool {
    let by_hand = BY_HAND.lock();
    let is_granted =
        |grant: &Grant| kept == Some(&grant.sip) && grant.services.iter().any(|known| known == service);
    by_hand.open.iter().any(|open| open == service) || by_hand.grants.iter().any(is_granted)
}

/// Takes from a manifest what it asks for and does not get, because nobody vouches for the image: to come before others.
pub(super) fn restrain(manifest: &mut Manifest, verdict: Verdict) {
    if verdict != Verdict::Signed {
        manifest.priority = manifest.priority.min(DEFAULT_PRIORITY);
    }
}

/// Where an image runs, and why.
pub(super) fn placement(image: &Image) -> Placement {
    let by_hand = BY_HAND.lock();
    let is_among = |names: &[String]| names.contains(&image.manifest().name);
    match image.verdict() {
        _ if is_among(&by_hand.domains) => Placement::DomainByHand,
        Verdict::Signed if is_among(&by_hand.kernel) => Placement::KernelByHand,
        Verdict::Signed => Placement::Signed,
        Verdict::Unsigned => Placement::Unsigned,
        Verdict::OtherKey => Placement::OtherKey,
        Verdict::Altered => Placement::Altered,
    }
}
