//! Waiting on a few unlike endpoints, each held in a variable.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::binding;
use crate::endpoint::{Closed, TryReceiveError};
use crate::set::{Member, Watched};
use crate::time::Instant;

/// Waits on several endpoints, each in a variable, and runs the arm of one that has something to receive.
///
/// ```
/// # use contracts::{Contract, spec::ping::{PingPong, ping_pong}};
/// # let (left, _server) = PingPong::channel().unwrap();
/// # let (right, server) = PingPong::channel().unwrap();
/// # let (left, right) = (left.ping(1), right.ping(2));
/// # let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() else { panic!() };
/// # let _server = next.pong(value);
/// let value = contracts::select! {
///     answer = left => {
///         // `answer` is a `Result`: the message with its endpoint, or `Closed`; `right` is untouched.
///         # drop(right);
///         answer.map(|ping_pong::ClientWaiting::Pong { value, .. }| value)
///     }
///     answer = right => answer.map(|ping_pong::ClientWaiting::Pong { value, .. }| value),
/// };
/// assert_eq!(value, Ok(2));
/// ```
///
/// A variable whose arm does not run keeps its endpoint. When several have something, they are taken in turn. A last
/// arm `after DEADLINE => ...` runs when nothing has come by then.
#[macro_export]
macro_rules! select {
    (@arms $which:ident $index:expr;) => { unreachable!("one of the endpoints is ready") };
    (@arms $which:ident $index:expr; after $deadline:expr => $body:expr $(,)?) => { $body };
    (@arms $which:ident $index:expr; $message:pat = $endpoint:ident => $body:block, $($rest:tt)*) => {
        $crate::select!(@arms $which $index; $message = $endpoint => $body $($rest)*)
    };
    (@arms $which:ident $index:expr; $message:pat = $endpoint:ident => $body:block $($rest:tt)*) => {
        if $which == ::core::option::Option::Some($index) {
            match $crate::select::take($endpoint) {
                $message => $body,
            }
        } else {
            $crate::select!(@arms $which $index + 1usize; $($rest)*)
        }
    };
    (@arms $which:ident $index:expr; $message:pat = $endpoint:ident => $body:expr) => {
        $crate::select!(@arms $which $index; $message = $endpoint => { $body })
    };
    (@arms $which:ident $index:expr; $message:pat = $endpoint:ident => $body:expr, $($rest:tt)*) => {
        $crate::select!(@arms $which $index; $message = $endpoint => { $body } $($rest)*)
    };
    (@ends [$($ends:ident)*] $deadline:expr; { $($all:tt)* }) => {{
        let which = $crate::select::wait(&[$($crate::set::Member::watched(&$ends)),*], $deadline, {
            static TURN: $crate::select::Turn = $crate::select::Turn::first();
            &TURN
        });
        $crate::select!(@arms which 0usize; $($all)*)
    }};
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt after $new:expr => $body:expr $(,)?) => {
        $crate::select!(@ends [$($ends)*] ::core::option::Option::Some($new); $all)
    };
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt after $new:expr => $body:expr, $($rest:tt)+) => {
        ::core::compile_error!("`after` is the last arm of `select!`: nothing comes behind it")
    };
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt $message:pat = $endpoint:ident => $body:block, $($rest:tt)*) => {
        $crate::select!(@ends [$($ends)* $endpoint] $deadline; $all $($rest)*)
    };
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt $message:pat = $endpoint:ident => $body:block $($rest:tt)*) => {
        $crate::select!(@ends [$($ends)* $endpoint] $deadline; $all $($rest)*)
    };
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt $message:pat = $endpoint:ident => $body:expr $(, $($rest:tt)*)?) => {
        $crate::select!(@ends [$($ends)* $endpoint] $deadline; $all $($($rest)*)?)
    };
    (@ends [$($ends:ident)*] $deadline:expr; $all:tt $message:pat = $endpoint:expr => $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "`select!` waits on variables, and `", ::core::stringify!($endpoint), "` is none\n",
            "help: move the endpoint into a variable, `let endpoint = ", ::core::stringify!($endpoint),
            ";`, and put it back when its arm has not run",
        ))
    };
    (@ends $($rest:tt)*) => { $crate::select!(@no_arm) };
    (@no_arm) => {
        ::core::compile_error!(
            "this is not an arm of `select!`\n\
             help: an arm is `PATTERN = VARIABLE => BODY`, with a comma behind a body that is no block; \
             the last may be `after DEADLINE => BODY`"
        )
    };
    ($message:pat = $($all:tt)*) => {
        $crate::select!(@ends [] ::core::option::Option::None; { $message = $($all)* } $message = $($all)*)
    };
    () => {
        ::core::compile_error!(
            "`select!` without an arm would wait for ever\nhelp: add an arm, `PATTERN = VARIABLE => BODY`"
        )
    };
    (after $($rest:tt)*) => {
        ::core::compile_error!(
            "`select!` with nothing but `after` has nothing to wait for\n\
             help: add an arm before it, `PATTERN = VARIABLE => BODY`; to sleep, use `contracts::time::sleep_until`"
        )
    };
    ($($rest:tt)*) => { $crate::select!(@no_arm) };
}

/// Where a selection begins to look the next time, behind the arm that ran: so none comes first for ever. Each place in a
/// program has its own, or two selections that are made in turn would always find the other's.
#[doc(hidden)]
#[derive(Debug)]
pub struct Turn(AtomicUsize);

impl Turn {
    /// Begins with the first arm.
    pub const fn first() -> Self {
        Turn(AtomicUsize::new(0))
    }
}

/// The index of an end that has something to receive; none if the deadline passed first.
#[doc(hidden)]
pub fn wait(ends: &[Watched<'_>], deadline: Option<Instant>, turn: &Turn) -> Option<usize> {
    let set = binding::selection();
    loop {
        if let Some(index) = ready(ends, turn) {
            return Some(index);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return None;
        }
        ends.iter().for_each(|watched| binding::join_set(set, watched.end, || watched.has_news()));
        match deadline {
            Some(deadline) => binding::wait_set_until(set, deadline),
            None => _ = binding::wait_set(set),
        }
        // First nobody lists the ends any more, then the list is dropped.
        ends.iter().for_each(|watched| binding::leave_set(watched.end));
        binding::take_ready(set);
    }
}

fn ready(ends: &[Watched<'_>], turn: &Turn) -> Option<usize> {
    // A checker's runs must not depend on the ones before.
    let first = if cfg!(loom) { 0 } else { turn.0.load(Relaxed) };
    let found = (first..ends.len()).chain(0..first).find(|&index| ends[index].has_news())?;
    turn.0.store((found + 1) % ends.len(), Relaxed);
    Some(found)
}

/// What an endpoint received that is ready.
#[doc(hidden)]
pub fn take<M: Member>(member: M) -> Result<M::Received, Closed> {
    match member.try_receive() {
        Ok(received) => Ok(received),
        // Over the limit, the endpoint is dropped, as a plain receive would.
        Err(TryReceiveError::Closed | TryReceiveError::OverLimit(_)) => Err(Closed),
        Err(TryReceiveError::Empty(_)) => unreachable!("what made the endpoint ready is still there"),
    }
}
