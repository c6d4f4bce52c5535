//! A contract and one that extends it, with messages of other sizes.

use contracts::Contract;

/// Adds up numbers.
///
/// ```text
/// Start --?Open--> Opening --!Opened--> Ready
/// Ready --?Put--> Ready                               at most 3 in flight
/// Ready --?Ask--> Summing --!Sum--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Start)]
pub enum Tally {
    /// Begins an account.
    #[client(Start => Opening)]
    Open {
        /// What is there already.
        sum: u64,
    },
    /// It has begun.
    #[server(Opening => Ready)]
    Opened {
        /// Number of the process that keeps it.
        by: u64,
    },
    /// Adds a number.
    #[client(Ready => Ready, window = 3)]
    Put {
        /// The number.
        number: u8,
    },
    /// Asks for the sum.
    #[client(Ready => Summing)]
    Ask,
    /// The sum.
    #[server(Summing => Ready)]
    Sum {
        /// Of all that was put.
        sum: u64,
    },
}

/// Adds up numbers, many at a time if need be, and tells them again.
///
/// ```text
/// as Tally, and
/// Ready --?PutMany--> Ready                           at most 20 in flight
/// Ready --?List--> Listing --!Element--> Listing      at most 9 in flight
///                  Listing --!Listed--> Ready
/// ```
#[derive(Contract)]
#[contract(start = Start, extends = Tally)]
pub enum RichTally {
    /// Begins an account.
    #[client(Start => Opening)]
    Open {
        /// What is there already.
        sum: u64,
    },
    /// It has begun.
    #[server(Opening => Ready)]
    Opened {
        /// Number of the process that keeps it.
        by: u64,
    },
    /// Adds a number.
    #[client(Ready => Ready, window = 3)]
    Put {
        /// The number.
        number: u8,
    },
    /// Asks for the sum.
    #[client(Ready => Summing)]
    Ask,
    /// The sum.
    #[server(Summing => Ready)]
    Sum {
        /// Of all that was put.
        sum: u64,
    },
    /// Adds numbers. Larger than any message of the base.
    #[client(Ready => Ready, window = 20)]
    PutMany {
        /// The numbers.
        numbers: [u8; 100],
    },
    /// Asks for all numbers.
    #[client(Ready => Listing)]
    List,
    /// One of them.
    #[server(Listing => Listing, window = 9)]
    Element {
        /// It, many times over.
        copies: [u64; 30],
    },
    /// That was all.
    #[server(Listing => Ready)]
    Listed,
}
