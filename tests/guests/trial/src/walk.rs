//! A protocol in which each step has a place of its own, for endpoints that travel in the middle of it.

use contracts::{Contract, ExBox, Exchange};

use self::walk::{Client, Second, Third};

/// ```text
/// First --?One--> AfterOne --!Go--> Second
/// Second --?Two--> AfterTwo --!GoOn--> Third
/// Third --?Three--> End
/// ```
#[derive(Contract)]
#[contract(start = First)]
pub enum Walk {
    /// The first step.
    #[client(First => AfterOne)]
    One {
        /// Number of the process that takes it.
        by: u64,
    },
    /// Goes on.
    #[server(AfterOne => Second)]
    Go,
    /// The second step.
    #[client(Second => AfterTwo)]
    Two {
        /// Number of the process that takes it.
        by: u64,
    },
    /// Goes on.
    #[server(AfterTwo => Third)]
    GoOn,
    /// The last step.
    #[client(Third => End)]
    Three {
        /// Number of the process that takes it.
        by: u64,
        /// What it had with it.
        luggage: ExBox<[u8]>,
    },
}

/// A walker that has taken the first step: an endpoint in a struct.
#[derive(Debug, Exchange)]
#[repr(C)]
pub struct Walker {
    /// Which one it is.
    pub number: u32,
    /// Its place.
    pub walk: Client<Second>,
}

/// A walker before the last step, with a block.
#[derive(Debug, Exchange)]
#[repr(C)]
pub struct Traveller {
    /// What it has with it.
    pub luggage: ExBox<[u8]>,
    /// Its place.
    pub walk: Client<Third>,
}
