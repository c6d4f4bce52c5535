//! The key that vouches for images, and what it does: signs them, and has the kernel know its public half.

use crate::guest::target_dir;
use anyhow::{Context, Result, anyhow, bail};
use contracts::signature::{self, KEY_BYTES, KEY_SECTION};
use ed25519_compact::KeyPair;
use object::{Object, ObjectSection};
use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// The name of the development key's file, in the guests' target directory.
const DEVELOPMENT: &str = "development-key.pem";

/// An ed25519 key. Whoever has it can have any code run in the kernel's space of a system that was built with it.
#[derive(Clone)]
pub struct Key(KeyPair);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.0.pk).finish()
    }
}

impl Key {
    /// The key of this source tree, for whoever names no other: made from the host's randomness when it is first asked for, and
    /// kept in the target directory, where nobody but the user can read it.
    ///
    /// # Errors
    /// When it can be neither read nor made.
    pub fn development() -> Result<Self> {
        let dir = target_dir();
        let path = dir.join(DEVELOPMENT);
        if !path.exists() {
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            make(&path).with_context(|| format!("cannot make the development key {}", path.display()))?;
        }
        Self::read(&path)
    }

    /// The private key in a file in PEM, as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// When the file cannot be read, or has no such key.
    pub fn read(path: &Path) -> Result<Self> {
        let name = || format!("the key {}", path.display());
        let text = fs::read_to_string(path).with_context(name)?;
        let key = KeyPair::from_pem(&text).map_err(|_| {
            anyhow!("it has no private key as `openssl genpkey -algorithm ed25519` writes one, in PEM")
        });
        Ok(Key(key.with_context(name)?))
    }

    /// `image`, with a signature behind it.
    pub fn sign(&self, image: &[u8]) -> Vec<u8> {
        let mut file = signature::message(image, &self.0.pk);
        // Without a nonce of its own: who builds the same image again gets the same bytes.
        let signature = self.0.sk.sign(&file, None);
        file.extend_from_slice(&*signature);
        file
    }

    /// Has the kernel in this file believe what this key signs, and nothing else.
    ///
    /// # Errors
    /// When the file is no kernel.
    pub fn install(&self, kernel: &mut [u8]) -> Result<()> {
        let file = object::File::parse(&*kernel).context("the kernel is not an ELF file")?;
        let section = file.section_by_name(KEY_SECTION).and_then(|section| section.file_range());
        let Some((offset, bytes)) = section else { bail!("the kernel has no section {KEY_SECTION}") };
        if bytes != KEY_BYTES as u64 {
            bail!("the kernel's section {KEY_SECTION} has {bytes} bytes");
        }
        let offset = usize::try_from(offset)?;
        let place = kernel.get_mut(offset..offset + KEY_BYTES).context("the kernel is truncated")?;
        place.copy_from_slice(&*self.0.pk);
        Ok(())
    }
}

/// Makes a key, unless somebody else made one there meanwhile.
fn make(path: &Path) -> Result<()> {
    // Such a file can be read by its owner alone.
    let mut file = NamedTempFile::new_in(path.parent().unwrap_or(path))?;
    file.write_all(KeyPair::generate().to_pem().as_bytes())?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::signature::Sealed;
    use ed25519_compact::{PublicKey, Signature};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        make(&path).unwrap();
        let first = Key::read(&path).unwrap();
        make(&path).unwrap();
        assert_eq!(Key::read(&path).unwrap().0, first.0, "it is not replaced");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        make(&dir.path().join("other")).unwrap();
        assert_ne!(Key::read(&dir.path().join("other")).unwrap().0, first.0, "none is like another");
    }

    #[test]
    fn what_is_signed_is_the_image_the_mark_and_the_key() {
        let key = Key(KeyPair::generate());
        let file = key.sign(b"image");
        let sealed = Sealed::of(&file).unwrap();
        assert_eq!(sealed.message, signature::message(b"image", &key.0.pk));
        let public = PublicKey::new(*sealed.key);
        assert!(public.verify(sealed.message, &Signature::new(*sealed.signature)).is_ok());
        assert_eq!(key.sign(b"image"), file, "it is reproducible");
    }

    #[test]
    fn a_file_without_a_key_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        let message = || format!("{:#}", Key::read(&path).unwrap_err());
        assert!(message().contains("key.pem: No such file"), "{}", message());
        let public = KeyPair::generate().pk.to_pem();
        for content in [&b""[..], b"text", public.as_bytes(), &[0xff; 48]] {
            fs::write(&path, content).unwrap();
            assert!(message().starts_with("the key ") && message().contains("key.pem: "), "{}", message());
        }
        fs::write(&path, "text").unwrap();
        assert!(message().contains("it has no private key as `openssl genpkey"), "{}", message());
    }

    #[test]
    fn what_is_no_kernel_gets_no_key() {
        let key = Key(KeyPair::generate());
        assert!(key.install(&mut []).is_err());
        let mut other = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(key.install(&mut other).unwrap_err().to_string().contains(KEY_SECTION));
    }
}
