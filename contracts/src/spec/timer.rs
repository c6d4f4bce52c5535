//! Alarms and beats.
//!
//! ```text
//! Timer   Ready --?Now--> Reading --!Time--> Ready
//!         Ready --?Set--> Setting --!Accepted--> Ready
//!                         Setting --!Refused--> Ready
//!         Ready --?Beat--> Beating --!Tick--> Ticked
//!         Ticked --?Next--> Beating
//!         Ticked --?Stop--> Ready
//!
//! Alarm   Armed --!Fired--> End
//! ```
//!
//! In `Alarm` the server speaks first, and only once. Who wants one makes the channel, keeps the client's end to wait on
//! and gives the server's end to the timer. Who no longer wants it drops the client's end: no message can cross another.

use crate::Contract;

/// A clock that can be asked and that calls back.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Timer {
    /// Asks for the time.
    #[client(Ready => Reading)]
    Now,
    /// The time.
    #[server(Reading => Ready)]
    Time {
        /// Nanoseconds since the system started.
        nanoseconds: u64,
    },
    /// Sets an alarm.
    #[client(Ready => Setting)]
    Set {
        /// When, in nanoseconds since the system started. A time that has passed means at once.
        at: u64,
        /// The end that fires.
        alarm: alarm::Server<alarm::Armed>,
    },
    /// It is set.
    #[server(Setting => Ready)]
    Accepted,
    /// It is not: there are too many.
    #[server(Setting => Ready)]
    Refused {
        /// The end that came with the request.
        alarm: alarm::Server<alarm::Armed>,
    },
    /// Asks for a tick again and again.
    #[client(Ready => Beating)]
    Beat {
        /// Nanoseconds from one to the next, at least 1.
        period: u64,
    },
    /// A period has passed since the last tick, or more.
    #[server(Beating => Ticked)]
    Tick {
        /// How many periods passed before it without a tick of their own, because `Next` came late.
        missed: u64,
    },
    /// Waits for the next tick. The beat does not shift.
    #[client(Ticked => Beating)]
    Next,
    /// Wants no more ticks.
    #[client(Ticked => Ready)]
    Stop,
}

/// One alarm.
#[derive(Contract)]
#[contract(start = Armed)]
pub enum Alarm {
    /// It is time.
    #[server(Armed => End)]
    Fired {
        /// How late it is, in nanoseconds.
        late: u64,
    },
}
