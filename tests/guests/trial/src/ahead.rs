//! A newer version of a stock contract, which its provider does not speak yet.

use contracts::Contract;
use contracts::spec::ping;

/// As the stock contract of that name, and with a message more.
#[derive(Contract)]
#[contract(start = Idle, extends = ping::PingPong)]
pub enum NumberedPingPong {
    /// There.
    #[client(Idle => Waiting)]
    Ping {
        /// Comes back.
        value: u64,
    },
    /// And back.
    #[server(Waiting => Idle)]
    Pong {
        /// The ping's.
        value: u64,
    },
    /// Asks how many pings there were.
    #[client(Idle => Counting)]
    Count,
    /// So many.
    #[server(Counting => Idle)]
    Counted {
        /// Since the channel was made.
        pings: u64,
    },
}
