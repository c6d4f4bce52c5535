//! Whether an image is vouched for: whoever signed it says that it is made of safe code, and of what was audited.
//!
//! The kernel holds a public key, and believes what bears a signature by it, of exactly these bytes. It makes no difference
//! where a file comes from, what it is called, or what its manifest says.

use contracts::signature::{KEY_BYTES, Sealed};
use ed25519_compact::{PublicKey, Signature};

/// Bytes that are hashed between two pauses.
const STRIDE_BYTES: usize = 16 << 10;

/// What its signature says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is vouched for: the signature is of these bytes, by the kernel's key.
    Signed,
    /// It bears no signature.
    Unsigned,
    /// It bears one that names another key.
    OtherKey,
    /// It bears one that names the kernel's key and is not of these bytes.
    Altered,
}

/// What its signature says of the image in `file`, by the kernel's public key. Takes time for each byte, so `pause` is called
/// now and then.
pub fn judge(file: &[u8], trusted: &[u8; KEY_BYTES], mut pause: impl FnMut()) -> Verdict {
    let Some(sealed) = Sealed::of(file) else { return Verdict::Unsigned };
    // Zeros are what a kernel has that nobody gave a key, and no key.
    if sealed.key != trusted || *trusted == [0; KEY_BYTES] {
        return Verdict::OtherKey;
    }
    let (key, signature) = (PublicKey::new(*trusted), Signature::new(*sealed.signature));
    let Ok(mut state) = key.verify_incremental(&signature) else { return Verdict::Altered };
    for part in sealed.message.chunks(STRIDE_BYTES) {
        state.absorb(part);
        pause();
    }
    if state.verify().is_ok() { Verdict::Signed } else { Verdict::Altered }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::signature;
    use ed25519_compact::{KeyPair, Seed};

    fn key(seed: u8) -> KeyPair {
        KeyPair::from_seed(Seed::new([seed; 32]))
    }

    fn signed(image: &[u8], key: &KeyPair) -> Vec<u8> {
        let message = signature::message(image, &key.pk);
        let signature = key.sk.sign(&message, None);
        [&message[..], &*signature].concat()
    }

    fn verdict(file: &[u8], trusted: &KeyPair) -> Verdict {
        judge(file, &trusted.pk, || {})
    }

    #[test]
    fn only_the_very_bytes_that_were_signed_by_the_kernels_key_are_vouched_for() {
        let image: Vec<u8> = (0..=255).cycle().take(2 * STRIDE_BYTES + 7).collect();
        let file = signed(&image, &key(1));
        assert_eq!(verdict(&file, &key(1)), Verdict::Signed);
        assert_eq!(verdict(&file, &key(2)), Verdict::OtherKey);
        assert_eq!(verdict(&image, &key(1)), Verdict::Unsigned);
        assert_eq!(verdict(&[], &key(1)), Verdict::Unsigned);
        assert_eq!(verdict(&[b"x", &file[..]].concat(), &key(1)), Verdict::Altered);
        assert_eq!(verdict(&file[1..], &key(1)), Verdict::Altered);
    }

    #[test]
    fn no_bit_can_be_changed() {
        let file = signed(b"a small image", &key(1));
        for bit in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(verdict(&changed, &key(1)), Verdict::Signed, "bit {bit}");
        }
    }

    #[test]
    fn whoever_signs_with_another_key_cannot_say_it_was_this_one() {
        let (trusted, other) = (key(1), key(2));
        let message = signature::message(b"image", &trusted.pk);
        let file = [&message[..], &*other.sk.sign(&message, None)].concat();
        assert_eq!(verdict(&file, &trusted), Verdict::Altered);
    }

    #[test]
    fn a_kernel_that_was_given_no_key_believes_nobody() {
        let message = signature::message(b"image", &[0; KEY_BYTES]);
        for signature in [[0; 64], [1; 64]] {
            let file = [&message[..], &signature].concat();
            assert_eq!(judge(&file, &[0; KEY_BYTES], || {}), Verdict::OtherKey);
        }
    }

    #[test]
    fn whoever_waits_meanwhile_gets_a_turn() {
        let file = signed(&[0; 10 * STRIDE_BYTES], &key(1));
        let mut pauses = 0;
        judge(&file, &key(1).pk, || pauses += 1);
        assert!(pauses >= 10, "{pauses}");
    }
}
