//! What a raw end does of streams: looking for room, waiting for it, and giving credit.

use super::RawEnd;
use crate::binding;
use crate::endpoint::{Contract, Side};
use crate::exchange::Exchange;
use crate::stream::{self, SendError, TrySendError};

/// After how many messages a receiver on `side` gives credit: a quarter of the smallest window of the streams towards
/// it; 0 if there are none. What concerns streams is compiled in only where they flow.
#[inline(always)]
pub(super) fn batch<C: Contract>(side: Side) -> u64 {
    let batches =
        const { &[stream::batch(C::DESCRIPTION, Side::Client), stream::batch(C::DESCRIPTION, Side::Server)] };
    batches[side as usize]
}

impl RawEnd {
    /// Sends a stream's message if fewer than `window` messages are in flight its way, else gives it back.
    ///
    /// # Errors
    ///
    /// [`TrySendError::Full`] with the body, or [`TrySendError::Closed`] if also the peer is gone.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::send`], and `window` is the message's.
    #[inline]
    pub unsafe fn try_send<C: Contract, B: Exchange>(
        &mut self,
        side: Side,
        message: u16,
        next_state: u16,
        window: u32,
        body: B,
    ) -> Result<(), TrySendError<(), B>> {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        if !stream::has_room(channel, side.peer(), window) {
            let closed = channel.is_closed(side.peer());
            return Err(if closed { TrySendError::Closed(body) } else { TrySendError::Full((), body) });
        }
        // SAFETY: passed on to the caller; the ring has room for whatever the window lets in.
        unsafe { self.send::<C, B>(side, message, next_state, body) };
        Ok(())
    }

    /// Sends a stream's message as soon as fewer than `window` messages are in flight its way.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the body if the window is full and the peer is gone.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::try_send`].
    #[inline]
    pub unsafe fn send_when_room<C: Contract, B: Exchange>(
        &mut self,
        side: Side,
        message: u16,
        next_state: u16,
        window: u32,
        body: B,
    ) -> Result<(), SendError<B>> {
        // SAFETY: passed on to the caller.
        if !unsafe { stream::has_room(self.channel_as(side), side.peer(), window) }
            // SAFETY: as above.
            && !unsafe { self.wait_room(side, window) }
        {
            return Err(SendError(body));
        }
        // SAFETY: passed on to the caller; the ring has room for whatever the window lets in.
        unsafe { self.send::<C, B>(side, message, next_state, body) };
        Ok(())
    }

    /// Whether fewer than `window` messages are in flight to the peer.
    ///
    /// # Safety
    ///
    /// This is the end of `side`, and it sends.
    pub(crate) unsafe fn has_window(&self, side: Side, window: u32) -> bool {
        // SAFETY: passed on to the caller.
        stream::has_room(unsafe { self.channel_as(side) }, side.peer(), window)
    }

    /// Waits until fewer than `window` messages are in flight to the peer. False if the peer is gone and that many are.
    ///
    /// # Safety
    ///
    /// This is the end of `side`, and it sends.
    #[cold]
    pub(crate) unsafe fn wait_room(&self, side: Side, window: u32) -> bool {
        // SAFETY: passed on to the caller.
        let channel = unsafe { self.channel_as(side) };
        let closed = || channel.is_closed(side.peer());
        loop {
            // The peer's close comes after its last credit: read in the other order, no room is missed.
            let gone = closed();
            if stream::has_room(channel, side.peer(), window) {
                return true;
            }
            if gone {
                return false;
            }
            binding::wait_room(self.end, || closed() || stream::has_room(channel, side.peer(), window));
        }
    }

    /// Tells the sender of a stream how many messages have been received, before this side turns to other things.
    ///
    /// # Safety
    ///
    /// As [`RawEnd::poll_message`].
    #[inline(always)]
    pub(crate) unsafe fn give_credit<C: Contract>(&self, side: Side) {
        if batch::<C>(side) > 0 {
            // SAFETY: passed on to the caller.
            let channel = unsafe { self.channel_as(side) };
            if channel.tails[side as usize].publish() {
                binding::notify(channel.end(side.peer()));
            }
        }
    }
}
