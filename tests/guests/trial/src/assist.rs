//! What the examiner has its assistant do at the other end of its channels.

use contracts::spec::ping::ping_pong;
use contracts::{Contract, ExBox, Exchange};

use crate::tally::rich_tally;
use crate::{feed::feed, walk};

/// Priority of whoever assists. The examiner's is greater: none of them runs before it waits.
pub const PRIORITY: u8 = 8;

/// A contract in which the server speaks first.
///
/// ```text
/// Silent --!Welcome--> Greeted --?Thanks--> Silent
/// ```
#[derive(Contract)]
#[contract(start = Silent)]
pub enum Greeter {
    /// Before anything was asked.
    #[server(Silent => Greeted)]
    Welcome {
        /// Number of the process that says it.
        by: u64,
    },
    /// One more, or none.
    #[client(Greeted => Silent)]
    Thanks {
        /// What the server is to do about it.
        then: Then,
    },
}

/// What a greeter does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Then {
    /// It says welcome again.
    Welcome,
    /// It closes its end without a word.
    Close,
}

/// ```text
/// Ready --?Follow, Serve, Greet, Rest, Release, Forget, Finish--> Busy --!Done--> Ready
/// Ready --?Take, TakeThere, TakeAll--> Taking --!Took--> Ready
/// Ready --?Sit--> Sitting --!Seated--> Ready
///                 Sitting --!NoSeat--> Ready
/// Ready --?Hold--> Holding --!Released--> Ready
/// Ready --?Carry--> Carrying --!Carried--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Assist {
    /// Starts a stream, and receives from it when told to.
    #[client(Ready => Busy)]
    Follow {
        /// Its end.
        feed: feed::Client<feed::Ready>,
    },
    /// Serves a session that somebody else has begun.
    #[client(Ready => Busy)]
    Serve {
        /// Its end, whose client has spoken.
        session: rich_tally::Server<rich_tally::Opening>,
        /// What the client said.
        sum: u64,
    },
    /// Speaks first on a channel, and again after each thanks.
    #[client(Ready => Busy)]
    Greet {
        /// Whom.
        greeter: greeter::Server<greeter::Silent>,
    },
    /// Waits.
    #[client(Ready => Busy)]
    Rest {
        /// How long.
        nanoseconds: u64,
    },
    /// Lets all go that `Hold`.
    #[client(Ready => Busy)]
    Release,
    /// Closes the stream.
    #[client(Ready => Busy)]
    Forget,
    /// Takes the last step of several walks.
    #[client(Ready => Busy)]
    Finish {
        /// The walkers, in this order.
        travellers: ExBox<[walk::Traveller]>,
    },
    /// It is done.
    #[server(Busy => Ready)]
    Done,
    /// Receives so many messages of the stream.
    #[client(Ready => Taking)]
    Take {
        /// How many.
        count: u64,
    },
    /// Receives what is there of the stream, without waiting.
    #[client(Ready => Taking)]
    TakeThere,
    /// Receives up to the end of the stream.
    #[client(Ready => Taking)]
    TakeAll,
    /// It has received.
    #[server(Taking => Ready)]
    Took {
        /// How many messages.
        count: u64,
        /// How many of them were not the next in order.
        disordered: u64,
        /// How many bytes the blocks had.
        bytes: u64,
    },
    /// Asks for an endpoint that is answered at once.
    #[client(Ready => Sitting)]
    Sit,
    /// It.
    #[server(Sitting => Ready)]
    Seated {
        /// The client's end of a fresh channel.
        seat: ping_pong::Client<ping_pong::Idle>,
    },
    /// There is no memory for one.
    #[server(Sitting => Ready)]
    NoSeat,
    /// Waits until another client says `Release`.
    #[client(Ready => Holding)]
    Hold,
    /// It did.
    #[server(Holding => Ready)]
    Released,
    /// Takes the first step of a walk.
    #[client(Ready => Carrying)]
    Carry {
        /// Which one it is.
        number: u32,
        /// Its place.
        walk: walk::walk::Client<walk::walk::First>,
    },
    /// It is taken.
    #[server(Carrying => Ready)]
    Carried {
        /// The walker, one step on.
        walker: walk::Walker,
    },
}
