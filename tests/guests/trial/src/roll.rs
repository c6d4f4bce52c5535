//! Processes of one image call at a desk, and go when they are told.

use contracts::{Contract, Exchange};

/// ```text
/// Calling --?Here--> Staying --!Go--> End
/// ```
#[derive(Contract)]
#[contract(start = Calling)]
pub enum Roll {
    /// A process is there.
    #[client(Calling => Staying)]
    Here {
        /// Where its parts lie.
        places: Places,
    },
    /// It may end.
    #[server(Staying => End)]
    Go,
}

/// Where the parts of a process lie, as virtual addresses, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Places {
    /// The processor's time-stamp counter when its main function began.
    pub began: u64,
    /// A function.
    pub code: u64,
    /// A constant.
    pub constant: u64,
    /// A constant that holds an address, which depends on where the image lies.
    pub pointer: u64,
    /// A variable.
    pub variable: u64,
    /// The main function's stack.
    pub stack: u64,
}
