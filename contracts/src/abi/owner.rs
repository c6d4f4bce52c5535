//! The tag by which the ledger says who owns something.

use crate::endpoint::Side;

/// Who owns a block or an endpoint: nobody, the kernel, a SIP, or the end of a channel it is in flight to.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Owner(u64);

const KIND_SHIFT: u32 = 60;
const KIND_KERNEL: u64 = 1;
const KIND_SIP: u64 = 2;
const KIND_TO_SERVER: u64 = 3;
const KIND_TO_CLIENT: u64 = 4;

/// What an [`Owner`] says, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// Nobody: the entry is free.
    Nobody,
    /// The kernel itself.
    Kernel,
    /// The SIP with this number.
    Sip(u32),
    /// In flight: it waits in a channel for this side to receive it.
    InFlight {
        /// The channel's number.
        channel: u64,
        /// The side that will receive it.
        to: Side,
    },
}

impl Owner {
    /// No owner: the tag of a free entry.
    pub const NOBODY: Owner = Owner(0);
    /// The kernel.
    pub const KERNEL: Owner = Owner(KIND_KERNEL << KIND_SHIFT);

    /// The SIP numbered `id`.
    pub const fn sip(id: u32) -> Owner {
        Owner(KIND_SIP << KIND_SHIFT | id as u64)
    }

    /// In flight in channel `channel` (below 2^60), to be received by side `to`.
    pub const fn in_flight(channel: u64, to: Side) -> Owner {
        let kind = match to {
            Side::Server => KIND_TO_SERVER,
            Side::Client => KIND_TO_CLIENT,
        };
        Owner(kind << KIND_SHIFT | channel)
    }

    /// The tag as stored in the ledger.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The reverse of [`Owner::to_bits`].
    pub const fn from_bits(bits: u64) -> Owner {
        Owner(bits)
    }

    /// Whether it is [`OwnerKind::InFlight`].
    #[inline]
    pub const fn is_in_flight(self) -> bool {
        matches!(self.0 >> KIND_SHIFT, KIND_TO_SERVER | KIND_TO_CLIENT)
    }

    /// What the tag says.
    pub const fn kind(self) -> OwnerKind {
        let low = self.0 & ((1 << KIND_SHIFT) - 1);
        match self.0 >> KIND_SHIFT {
            KIND_KERNEL => OwnerKind::Kernel,
            KIND_SIP => OwnerKind::Sip(low as u32),
            KIND_TO_SERVER => OwnerKind::InFlight { channel: low, to: Side::Server },
            KIND_TO_CLIENT => OwnerKind::InFlight { channel: low, to: Side::Client },
            _ => OwnerKind::Nobody,
        }
    }
}

impl core::fmt::Debug for Owner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.kind().fmt(f)
    }
}
