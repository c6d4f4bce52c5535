//! An endpoint whose contract its holder does not know: what a directory hands out.

use core::fmt;
use core::mem::offset_of;

#[cfg(feature = "std")]
use crate::abi::End;
use crate::endpoint::{Contract, SendFirst, Side};
use crate::exbox::Exhausted;
use crate::exchange::{Exchange, Transfer};
use crate::fingerprint;
use crate::form::Form;
use crate::generated;
use crate::port::RawEnd;
use crate::wire::{DecodeError, Decoder, Encoder, varint_bytes};

/// An endpoint that sends next, of any contract. [`AnyEndpoint::downcast`] turns it into a typed one.
#[repr(C)]
pub struct AnyEndpoint {
    raw: RawEnd,
    side: Side,
    state: u16,
}

/// Where its parts lie, in bytes from its start.
pub(crate) const END_OFFSET: usize = offset_of!(AnyEndpoint, raw);
pub(crate) const SIDE_OFFSET: usize = offset_of!(AnyEndpoint, side);
pub(crate) const STATE_OFFSET: usize = offset_of!(AnyEndpoint, state);
/// The bytes that are no part of it: from where to where.
pub(crate) const PADDING: [(usize, usize); 2] = [
    (SIDE_OFFSET + size_of::<Side>(), STATE_OFFSET),
    (STATE_OFFSET + size_of::<u16>(), size_of::<AnyEndpoint>()),
];

/// The endpoint is not what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It speaks another contract, or another version of it; or its channel says so and is none.
    Contract {
        /// The fingerprint that was asked for.
        wanted: u64,
        /// The endpoint's.
        found: u64,
    },
    /// It speaks the contract, but is of the other side or in another state.
    State,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Contract { wanted, found } => {
                write!(f, "the endpoint's contract has fingerprint {found:016x}, wanted is {wanted:016x}")
            }
            Mismatch::State => f.write_str("the endpoint is of the other side or in another state"),
        }
    }
}

impl core::error::Error for Mismatch {}

impl AnyEndpoint {
    /// Forgets the type of an endpoint.
    pub fn new<E: SendFirst>(endpoint: E) -> Self {
        AnyEndpoint { raw: endpoint.into_raw(), side: E::SIDE, state: E::STATE }
    }

    /// Takes charge of an untyped end.
    ///
    /// # Safety
    ///
    /// The end is of this side and in this state of its channel's contract, a state in which it sends.
    pub unsafe fn from_raw(raw: RawEnd, side: Side, state: u16) -> Self {
        AnyEndpoint { raw, side, state }
    }

    /// The end.
    #[cfg(feature = "std")]
    pub(crate) fn end(&self) -> &'static End {
        self.raw.end()
    }

    /// Its side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Its state.
    pub fn state(&self) -> u16 {
        self.state
    }

    /// Fingerprint of the endpoint's contract.
    pub fn fingerprint(&self) -> u64 {
        self.raw.fingerprint()
    }

    /// Whether another endpoint is of the same contract, side and state.
    pub fn is_like(&self, other: &AnyEndpoint) -> bool {
        (self.fingerprint(), self.side, self.state) == (other.fingerprint(), other.side, other.state)
    }

    /// The endpoint as an `E`, if it is one. Otherwise it is closed, and the error says why.
    pub fn downcast<E: SendFirst>(self) -> Result<E, Mismatch> {
        let wanted = <E::Contract as Contract>::FINGERPRINT;
        let found = self.fingerprint();
        // A channel has its client's contract; its server may speak one that extends it.
        let channel = self.raw.channel();
        let fits = match E::SIDE {
            Side::Client => generated::is_channel_of::<E::Contract>(channel),
            Side::Server => <E::Contract as Contract>::serves_on(channel),
        };
        if !fits {
            return Err(Mismatch::Contract { wanted, found });
        }
        if (self.side, self.state) != (E::SIDE, E::STATE) {
            return Err(Mismatch::State);
        }
        // SAFETY: contract, side and state were compared; a base's states have the same numbers in its extension.
        Ok(unsafe { E::from_raw(self.raw) })
    }
}

impl fmt::Debug for AnyEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyEndpoint({:016x}, {:?}, state {})", self.fingerprint(), self.side, self.state)
    }
}

// SAFETY: the endpoint sends next, whatever its contract; plain data otherwise, `repr(C)`.
unsafe impl Exchange for AnyEndpoint {
    const FINGERPRINT: u64 = fingerprint::text(fingerprint::SEED, "AnyEndpoint");
    const FORM: Form = Form::Any;
    const HANDLES: usize = 1;
    const ANY_BYTES: bool = false;
    const WIRE_BYTES: usize = varint_bytes(u64::BITS);
    fn hand_over(&self, transfer: &mut Transfer) {
        self.raw.hand_over(transfer);
    }
    fn encode(self, encoder: &mut Encoder) -> Result<(), Exhausted> {
        encoder.any_endpoint(self);
        Ok(())
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.any_endpoint()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::alloc::alloc_zeroed;

    use super::*;
    use crate::abi::Owner;
    use crate::channel::{Shape, initialise};
    use crate::spec::ping::PingPong;
    use crate::spec::ping::ping_pong::{Client, Idle};

    /// A client's end of a channel of this shape.
    fn endpoint(shape: &Shape) -> AnyEndpoint {
        let plan = shape.plan().expect("it is small");
        // SAFETY: the memory is fresh, as large as the plan says, and never freed.
        let raw = unsafe {
            let memory = alloc_zeroed(plan.layout());
            let channel = &*initialise(memory, (shape, &plan), 1, Owner::KERNEL, 0);
            RawEnd::new(channel.end(Side::Client))
        };
        AnyEndpoint { raw, side: Side::Client, state: shape.start }
    }

    #[test]
    fn an_endpoint_whose_slots_lie_elsewhere_is_not_what_its_fingerprint_says() {
        let shape = <PingPong as Contract>::SHAPE;
        let found = endpoint(&shape).downcast::<Client<Idle>>();
        core::mem::forget(found.expect("it is one"));
        for shape in [
            Shape { body: [24, 8], ..shape },
            Shape { body: [8, 24], ..shape },
            Shape { depth: [1, 2], ..shape },
            Shape { depth: [2, 1], ..shape },
        ] {
            assert!(matches!(endpoint(&shape).downcast::<Client<Idle>>(), Err(Mismatch::Contract { .. })));
        }
    }
}
