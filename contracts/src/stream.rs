//! Streams: many messages one way, with a window instead of answers.
//!
//! A message with `window = N` leaves the state as it is and may be repeated without an answer. It is sent while fewer
//! than N messages, of whatever kind, are in flight its way; then the sender waits (`item`), or gets the message back
//! (`try_item`). Other messages never wait, also right behind a stream: the channel has room for them.
//!
//! ```
//! use contracts::{Contract, TrySendError};
//!
//! /// Numbers, as many as the client likes.
//! #[derive(Contract)]
//! #[contract(start = Open)]
//! pub enum Adder {
//!     /// One more.
//!     #[client(Open => Open, window = 2)]
//!     Item { /** The number. */ number: u32 },
//!     /// No more.
//!     #[client(Open => Adding)]
//!     Done,
//!     /// Their sum.
//!     #[server(Adding => End)]
//!     Sum { /** It. */ sum: u32 },
//! }
//!
//! fn main() {
//!     let (client, server) = Adder::channel().expect("memory for a channel");
//!     let client = client.item(1).expect("room").item(2).expect("room");
//!     let Err(TrySendError::Full(client, unsent)) = client.try_item(3) else { panic!("a window of two") };
//!     assert_eq!(unsent.number, 3);
//!     client.done();
//! #   drop(server);
//! }
//! ```
//!
//! **Credit.** The receiver counts what it takes, and tells the sender in batches of a quarter of the window, and
//! always when it finds nothing to receive, before it sends, and when it becomes a member of a set. The sender
//! remembers what it was told and looks again only when its window seems full, so in a steady stream neither writes or
//! reads the other's line for each message.
//!
//! **Why no slot is overwritten.** The sender's view of the credit never exceeds what has been taken, and it was read
//! with acquire after the receiver had read those slots and released them. With `h` messages sent and a credit of `c`, a
//! stream's message is sent only if `h - c < N`; the ring has at least N slots, and as many more as messages can follow
//! before the receiver speaks (`depth` of the derive), so the slot of every message up to there is one that was taken.
//! The ring may have more slots than that, being a power of two; the window is compared with `h - c`, not with the ring.
//!
//! **Why nobody waits for ever.** A sender waits only while at least N messages are not known to be received. The
//! receiver either takes more, and then gives credit when a batch is full or nothing is left, or closes; both notify the
//! sender's end. The sender names itself in its end first and looks at the credit again second, the receiver writes
//! the credit first and looks at the end second, each with a full fence between (on one core nothing comes between), so
//! one of them sees the other.

use core::fmt;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::abi::{Channel, Cursor};
use crate::endpoint::{Description, Side};
use crate::gate;

/// Why a stream's message was not sent by a method that waits: the window is full and the peer is gone. Here is the
/// message back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<M>(pub M);

/// Why a stream's message was not sent by a method that does not wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<E, M> {
    /// The window is full; here are the endpoint and the message back.
    Full(E, M),
    /// The window is full and the peer is gone; here is the message back.
    Closed(M),
}

impl<E, M> TrySendError<E, M> {
    /// The message that was not sent.
    pub fn into_message(self) -> M {
        match self {
            TrySendError::Full(_, message) | TrySendError::Closed(message) => message,
        }
    }
}

const FULL: &str = "the window is full";
const GONE: &str = "the window is full and the peer closed the channel";

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError")
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(GONE)
    }
}

impl<M> core::error::Error for SendError<M> {}

impl<E, M> fmt::Debug for TrySendError<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(..) => "Full",
            TrySendError::Closed(_) => "Closed",
        })
    }
}

impl<E, M> fmt::Display for TrySendError<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(..) => FULL,
            TrySendError::Closed(_) => GONE,
        })
    }
}

impl<E, M> core::error::Error for TrySendError<E, M> {}

/// Whether the contract has streams.
pub(crate) const fn flows(description: &Description) -> bool {
    batch(description, Side::Client) > 0 || batch(description, Side::Server) > 0
}

/// After how many messages a receiver on side `to` gives credit; 0 if no stream flows that way.
pub(crate) const fn batch(description: &Description, to: Side) -> u64 {
    let mut least = 0;
    let mut i = 0;
    while i < description.messages.len() {
        let message = &description.messages[i];
        let window = message.window as u64;
        if window > 0 && message.sender.peer() as usize == to as usize && (least == 0 || window < least) {
            least = window;
        }
        i += 1;
    }
    // A window below four gives credit for each message.
    if least == 0 || least >= 4 { least / 4 } else { 1 }
}

/// Whether fewer than `window` messages are in flight to side `to`. Called by their sender.
#[inline]
pub(crate) fn has_room(channel: &Channel, to: Side, window: u32) -> bool {
    let head = &channel.heads[to as usize];
    let sent = head.count.load(Relaxed);
    if sent - head.credit.load(Relaxed) < u64::from(window) {
        return true;
    }
    has_credit(channel, to, window) || gate::asks_for_credit(channel) && has_credit(channel, to, window)
}

/// As [`has_room`], by what the receiver says now.
#[inline]
fn has_credit(channel: &Channel, to: Side, window: u32) -> bool {
    let head = &channel.heads[to as usize];
    let credit = channel.tails[to as usize].credit.load(Acquire);
    head.credit.store(credit, Relaxed);
    head.count.load(Relaxed).wrapping_sub(credit) < u64::from(window)
}

impl Cursor {
    /// For a tail: lets the sender know all that was received. False if it knew.
    #[inline]
    pub(crate) fn publish(&self) -> bool {
        let count = self.count.load(Relaxed);
        let news = self.credit.load(Relaxed) != count;
        if news {
            self.credit.store(count, Release);
        }
        news
    }

    /// For a tail: whether at least `batch` messages were received that the sender does not know of.
    #[inline]
    pub(crate) fn owes(&self, batch: u64) -> bool {
        self.count.load(Relaxed) - self.credit.load(Relaxed) >= batch
    }
}
