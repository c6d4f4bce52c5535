//! Messages in native layout, for tests of what is done to them between those who do not believe each other.

use std::vec::Vec;

use core::mem::MaybeUninit;
use core::slice;
use core::sync::atomic::Ordering::Relaxed;

use crate::abi::{Owner, Tracked};
use crate::any::AnyEndpoint;
use crate::binding;
use crate::channel::{Carried, walk};
use crate::exchange::{Exchange, Transfer};
use crate::form::{self, Fault, Forms};
use crate::port::RawEnd;
use crate::wire::{Block, Handle, MakeBody, Message, UseBody};

/// As slots are aligned.
type Unit = u128;

/// A message in [native layout](crate::form), as it comes to one who does not believe who sent it.
#[derive(Debug)]
pub struct Native {
    /// Which message.
    pub number: u16,
    /// Its body.
    pub bytes: Vec<u8>,
    /// Blocks and endpoints, in the order in which they lie in the message.
    pub handles: Vec<Handle>,
}

/// Why there is no message in what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The contract has none of this number, or its body has another size.
    Unknown,
    /// Its bytes are none, or do not suit what came beside them.
    Fault(Fault),
    /// The own check of a type in it says so.
    Check,
}

impl Native {
    /// A message, scrubbed. Before that `noise` may write to what is no part of it: it is given the body and what lies
    /// beside.
    pub fn scrubbed<C: Message>(message: C, noise: impl FnOnce(&mut [MaybeUninit<u8>], &[Handle])) -> Native {
        let number = message.number();
        let (size, program) = C::FORMS.message(number).expect("a contract has its messages");
        let (mut slot, handles) = message.into_body(Lay);
        let start = slot.as_mut_ptr().cast::<u8>();
        // SAFETY: the slot is as large; bytes that were never written are no harm as such.
        noise(unsafe { slice::from_raw_parts_mut(start.cast(), size) }, &handles);
        // SAFETY: it is the body of a message of this number, and its blocks are those in the handles.
        unsafe { form::scrub(program, start) };
        // SAFETY: what the body left open is zero now.
        let bytes = unsafe { slice::from_raw_parts(start, size) }.to_vec();
        Native { number, bytes, handles }
    }

    /// The message that it is.
    ///
    /// # Errors
    /// [`Refused`]; then the blocks are freed and the endpoints closed.
    pub fn adopt<C: Message>(self) -> Result<C, Refused> {
        C::from_body(self.number, Adopt { native: self, forms: C::FORMS })
    }
}

/// Lays a body into a slot.
struct Lay;

impl UseBody for Lay {
    type Output = (Vec<MaybeUninit<Unit>>, Vec<Handle>);
    fn body<B: Exchange>(self, body: B) -> Self::Output {
        let mut transfer = Transfer::new(Owner::KERNEL);
        body.hand_over(&mut transfer);
        let (chain, ..) = transfer.finish();
        let mut handles = Vec::new();
        // SAFETY: the body holds what it handed over, is not dropped, and is not used as a value any more: all is ours.
        unsafe {
            binding::take_over(chain);
            walk(chain, |carried| handles.push(handle(carried)));
        }
        // What is handed over last comes first in the chain.
        handles.reverse();
        let mut slot = slot_of(size_of::<B>());
        // SAFETY: the slot has room for the body.
        unsafe { slot.as_mut_ptr().cast::<B>().write(body) };
        (slot, handles)
    }
}

/// A slot for so many bytes.
fn slot_of(bytes: usize) -> Vec<MaybeUninit<Unit>> {
    let mut slot = Vec::new();
    slot.resize(bytes.div_ceil(size_of::<Unit>()), MaybeUninit::zeroed());
    slot
}

/// Takes charge of one thing that a message carries.
///
/// # Safety
///
/// It is the caller's, who has no other handle.
unsafe fn handle(carried: Carried<'static>) -> Handle {
    match carried {
        // SAFETY: passed on to the caller.
        Carried::Block(entry) => Handle::Block(unsafe { Block::from_entry(entry) }),
        Carried::End(end) => {
            // SAFETY: the end is the caller's, and open.
            let channel = unsafe { end.channel() };
            let (side, state) = (channel.side_of(end), channel.state.load(Relaxed) as u16);
            // SAFETY: passed on to the caller; of a channel in which nothing is under way to the end this is its state.
            Handle::Endpoint(unsafe { AnyEndpoint::from_raw(RawEnd::new(end), side, state) })
        }
    }
}

/// Makes a body of what came.
struct Adopt {
    native: Native,
    forms: Forms,
}

impl MakeBody for Adopt {
    type Error = Refused;
    fn body<B: Exchange>(self) -> Result<B, Refused> {
        let Native { number, bytes, handles } = self.native;
        let (size, program) = self.forms.message(number).ok_or(Refused::Unknown)?;
        if (size, size) != (bytes.len(), size_of::<B>()) {
            return Err(Refused::Unknown);
        }
        let mut slot = slot_of(size);
        let start = slot.as_mut_ptr().cast::<u8>();
        let chain = link(&handles);
        // SAFETY: the slot has room for the bytes, of which the body consists; what is in the chain is ours.
        unsafe {
            start.copy_from_nonoverlapping(bytes.as_ptr(), size);
            form::adopt(program, start, chain).map_err(Refused::Fault)?;
            if !crate::generated::check::<B>(start) {
                return Err(Refused::Check);
            }
        }
        handles.into_iter().for_each(core::mem::forget);
        // SAFETY: it was found to be a value, and is taken once; it has what the handles had.
        Ok(unsafe { start.cast::<B>().read() })
    }
    fn unknown(self, _: u16) -> Refused {
        Refused::Unknown
    }
}

/// The chain of these, in their order.
fn link(handles: &[Handle]) -> *const Tracked {
    handles.iter().rev().fold(core::ptr::null(), |next, handle| {
        let tracked = handle.tracked();
        tracked.next.store(next.cast_mut(), Relaxed);
        tracked
    })
}
