//! How an image bears a signature: as the last bytes of its file, behind the ELF file itself.
//!
//! ```text
//! the ELF file | MARK | public key | signature
//! ```
//!
//! The signature is ed25519 (RFC 8032) over all that comes before it, the mark and the key included. The image builder
//! signs, the kernel compares the key with its own and verifies. Nothing here computes anything.

/// What tells a file that bears a signature, and a signature of images from any other by the same key.
pub const MARK: [u8; 16] = *b"entente image 1\n";
/// Bytes of a public key.
pub const KEY_BYTES: usize = 32;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Bytes by which a file becomes longer when it is signed.
pub const SEAL_BYTES: usize = MARK.len() + KEY_BYTES + SIGNATURE_BYTES;
/// Name of the section of the kernel's image with the public key that it believes: [`KEY_BYTES`] bytes, which the image
/// builder fills in. As the kernel is compiled they are zero, which is nobody's key.
pub const KEY_SECTION: &str = ".entente.key";

/// A file that bears a signature, in its parts. What it says is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// What is signed.
    pub message: &'a [u8],
    /// The public key that it claims to be signed by.
    pub key: &'a [u8; KEY_BYTES],
    /// The signature.
    pub signature: &'a [u8; SIGNATURE_BYTES],
}

impl<'a> Sealed<'a> {
    /// The parts of `file`, if it bears a signature.
    pub fn of(file: &'a [u8]) -> Option<Self> {
        let (message, signature) = file.split_last_chunk()?;
        let (rest, key) = message.split_last_chunk()?;
        rest.ends_with(&MARK).then_some(Sealed { message, key, signature })
    }
}

/// What has to be signed: `image`, the mark and the public key. The signature is to be appended.
pub fn message(image: &[u8], key: &[u8; KEY_BYTES]) -> alloc::vec::Vec<u8> {
    [image, &MARK, key].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_comes_apart_into_what_it_was_made_of() {
        let message = message(b"image", &[7; KEY_BYTES]);
        let file = [&message[..], &[9; SIGNATURE_BYTES]].concat();
        assert_eq!(file.len(), b"image".len() + SEAL_BYTES);
        let expected = Sealed { message: &message, key: &[7; KEY_BYTES], signature: &[9; SIGNATURE_BYTES] };
        assert_eq!(Sealed::of(&file), Some(expected));
    }

    #[test]
    fn a_file_without_the_mark_in_its_place_bears_no_signature() {
        let file = [&message(b"", &[7; KEY_BYTES])[..], &[9; SIGNATURE_BYTES]].concat();
        assert!(Sealed::of(&file).is_some(), "nothing can be signed");
        assert_eq!(Sealed::of(&file[1..]), None);
        assert_eq!(Sealed::of(&file[..file.len() - 1]), None);
        assert_eq!(Sealed::of(&[]), None);
    }
}
