//! What travels beside a message's bytes: blocks and endpoints, owned.

use core::fmt;
use core::slice;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::BlockEntry;
#[cfg(feature = "std")]
use crate::abi::Tracked;
use crate::any::AnyEndpoint;
use crate::binding;

/// One block or endpoint that a message carries. Dropping it frees the block or closes the endpoint.
#[derive(Debug)]
pub enum Handle {
    /// A block.
    Block(Block),
    /// An endpoint that sends next.
    Endpoint(AnyEndpoint),
}

/// Owns a block whose content has no type.
///
/// Holding one proves that nobody else can reach the block, and that its bytes are initialised. They are no more than
/// bytes: whoever wrote them may not be believed.
pub struct Block {
    entry: &'static BlockEntry,
}

impl Block {
    /// Takes charge of a block.
    ///
    /// # Safety
    ///
    /// The caller owns the block, there is no other handle, and all its bytes are initialised.
    pub unsafe fn from_entry(entry: &'static BlockEntry) -> Self {
        Block { entry }
    }

    /// Gives up the block without freeing it. Who has the entry can make the kernel believe that the block lies elsewhere,
    /// so it does not leave this crate.
    pub(crate) fn into_entry(self) -> &'static BlockEntry {
        let entry = self.entry;
        core::mem::forget(self);
        entry
    }

    /// Address of its first byte.
    pub fn address(&self) -> usize {
        self.entry.address.load(Relaxed)
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.entry.size.load(Relaxed)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block has this size, is ours alone, and its bytes are initialised.
        unsafe { slice::from_raw_parts(self.address() as *const u8, self.size()) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: we own the block, and nobody uses it again.
        unsafe { binding::free_block(self.entry) }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.size())
    }
}

impl Handle {
    /// What the ledger has of it.
    #[cfg(feature = "std")]
    pub(crate) fn tracked(&self) -> &'static Tracked {
        match self {
            Handle::Block(block) => &block.entry.tracked,
            Handle::Endpoint(endpoint) => &endpoint.end().tracked,
        }
    }

    /// Whether two handles mean the same: blocks of the same bytes, or endpoints of the same contract, side and state.
    pub fn is_like(&self, other: &Handle) -> bool {
        match (self, other) {
            (Handle::Block(one), Handle::Block(other)) => one.bytes() == other.bytes(),
            (Handle::Endpoint(one), Handle::Endpoint(other)) => one.is_like(other),
            _ => false,
        }
    }
}
