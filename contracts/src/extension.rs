//! Extension: a contract that begins as another, so that old clients go on talking to new servers.
//!
//! ```
//! use contracts::{Contract, Extends};
//!
//! /// Counts.
//! #[derive(Contract)]
//! #[contract(start = Ready)]
//! pub enum Counter {
//!     /// One more.
//!     #[client(Ready => Counting)]
//!     Next,
//!     /// So many.
//!     #[server(Counting => Ready)]
//!     Now { /** Since the start. */ count: u64 },
//! }
//!
//! /// Counts, and can begin again.
//! #[derive(Contract)]
//! #[contract(start = Ready, extends = Counter)]
//! pub enum ResettableCounter {
//!     /// One more.
//!     #[client(Ready => Counting)]
//!     Next,
//!     /// So many.
//!     #[server(Counting => Ready)]
//!     Now { /** Since the start. */ count: u64 },
//!     /// Begins again.
//!     #[client(Ready => Resetting)]
//!     Reset,
//!     /// It is 0 now.
//!     #[server(Resetting => Ready)]
//!     WasReset,
//! }
//!
//! fn main() {
//!     let (old, new) = <ResettableCounter as Extends<Counter>>::base_channel().expect("memory for a channel");
//!     let old = old.next();
//!     let Ok(resettable_counter::ServerReady::Next { next }) = new.receive() else { panic!("sent") };
//!     next.now(1);
//!     assert!(matches!(old.receive(), Ok(counter::ClientCounting::Now { count: 1, .. })));
//! }
//! ```
//!
//! The enum repeats the base's messages first, in the same order, with the same fields and steps; rustc refuses it
//! otherwise, naming the message. What it may add:
//!
//! - messages of the client, in any state in which the client speaks: a client of the base never sends them;
//! - states, and in these whatever it likes: a client of the base never gets there.
//!
//! It may not add messages of the server to states of the base: a client of the base would not know them.
//!
//! **Binding.** A client may be connected to a server of its own contract or of one that extends it, also across several
//! extensions. The channel is the client's: its fingerprint, its depths, its slots. A server of an extension therefore
//! reads from the channel where its slots lie; all other endpoints know it at compile time. Messages and states of the
//! base have the same numbers in the extension, since both are numbered in the order in which the messages name them.
//! The reverse, a new client and an old server, is refused with the message that the server does not know.

use crate::binding;
use crate::endpoint::{Contract, Description, Endpoint, Side};
use crate::exbox::Exhausted;
use crate::reach;
use crate::words::{Words, same};

/// A contract that begins as contract `B`. Implemented by `derive(Contract)` for `extends = B`.
///
/// # Safety
///
/// The contract's first messages are those of `B`, with the same numbers, steps and layouts, and its server sends no other
/// ones in the states of `B`, which have the same numbers as well.
pub unsafe trait Extends<B: Contract>: Contract {
    /// A new channel of the base, its server's end in the hands of one who speaks the extension.
    ///
    /// # Errors
    /// [`Exhausted`] if there is no memory for a channel.
    fn base_channel() -> Result<(B::Client, Self::Server), Exhausted> {
        let (client, server) = binding::create_channel::<B>()?;
        // SAFETY: the channel is fresh, and its contract is one that the server's extends.
        Ok(unsafe { (B::Client::from_raw(client), Self::Server::from_raw(server)) })
    }
}

/// Refuses an extension that starts elsewhere than its base, or lacks some of its messages.
#[doc(hidden)]
#[track_caller]
pub const fn check(this: &Description, base: &Description) {
    let words = Words::new().and("`").and(this.name).and("` extends `").and(base.name).and("`, ");
    if this.messages.len() < base.messages.len() {
        let missing = base.messages[this.messages.len()].name;
        words
            .and("but lacks its message `")
            .and(missing)
            .and("`: repeat all of them first, in order")
            .refuse();
    }
    let (start, wanted) = (this.states[this.start as usize].name, base.states[base.start as usize].name);
    if !same(start, wanted) {
        words.and("which starts in `").and(wanted).and("`, but starts in `").and(start).and("`").refuse();
    }
    let mut i = 0;
    while i < base.messages.len() {
        if this.messages[i].fingerprint != base.messages[i].fingerprint {
            // Refused at the message.
            return;
        }
        i += 1;
    }
    i = 0;
    while i + 1 < base.states.len() {
        if !same(this.states[i].name, base.states[i].name) {
            // States are numbered by the messages that leave them, so the base has one that nothing leaves.
            let words =
                words.and("but its state `").and(base.states[i].name).and("` has another number: mend `");
            words.and(base.name).and("` first").refuse();
        }
        i += 1;
    }
}

/// Refuses the message with this index if it differs from the base's, or is an addition that the base's clients could
/// receive.
#[doc(hidden)]
#[track_caller]
pub const fn check_message(this: &'static Description, base: &'static Description, index: usize) {
    let message = &this.messages[index];
    let words = Words::new().and("message `").and(message.name).and("` ");
    if index >= base.messages.len() {
        if !matches!(message.sender, Side::Server) {
            return;
        }
        let mut i = 0;
        while i < message.steps.len() {
            let from = message.steps[i].0 as usize;
            if from + 1 < base.states.len() {
                words
                    .and("is sent by the server in state `")
                    .and(this.states[from].name)
                    .and("` of `")
                    .and(base.name)
                    .and("`, whose clients do not know it: send it in a state of its own, to which a message of the client leads")
                    .refuse();
            }
            i += 1;
        }
        return;
    }
    let old = &base.messages[index];
    let words = if message.fingerprint == old.fingerprint {
        let Some(contract) = other_carried(this, base, index) else { return };
        words.and("carries another `").and(contract.name).and("` than in `").and(base.name).and("`")
    } else if !same(message.name, old.name) {
        words.and("stands where `").and(base.name).and("` has `").and(old.name).and("`")
    } else if message.sender as u8 != old.sender as u8 {
        words.and("is sent by the other side in `").and(base.name).and("`")
    } else if message.window != old.window {
        words.and("has another window in `").and(base.name).and("`")
    } else if !same_steps(this, base, index) {
        words.and("makes other steps in `").and(base.name).and("`")
    } else {
        words.and("has other fields in `").and(base.name).and("`")
    };
    words
        .and(": an extension repeats its base's messages first, in order, and changes nothing in them")
        .refuse();
}

/// A contract that a message carries in place of the base's. Their names are the same.
const fn other_carried(
    this: &'static Description,
    base: &'static Description,
    index: usize,
) -> Option<&'static Description> {
    let (mut i, end) = this.carried_by(index);
    // What earlier messages carry is as much in both, or they are refused.
    while i < end && i < base.carries.len() {
        let (new, old) = (this.carries[i].contract, base.carries[i].contract);
        if reach::fingerprint(new) != reach::fingerprint(old) {
            return Some(new);
        }
        i += 1;
    }
    None
}

const fn same_steps(this: &Description, base: &Description, index: usize) -> bool {
    let (new, old) = (this.messages[index].steps, base.messages[index].steps);
    let mut i = 0;
    while i < new.len() && i < old.len() {
        let from = same(this.states[new[i].0 as usize].name, base.states[old[i].0 as usize].name);
        if !from || !same(this.states[new[i].1 as usize].name, base.states[old[i].1 as usize].name) {
            return false;
        }
        i += 1;
    }
    new.len() == old.len()
}
