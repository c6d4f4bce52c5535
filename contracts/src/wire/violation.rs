//! What is wrong with a message in wire form.

use core::fmt;

use crate::exbox::Exhausted;
use crate::exchange::MOST_HANDLES;

/// The sender broke the contract. Its channel is closed; the receiver has done nothing wrong.
///
/// Each names the field, innermost, at which decoding stopped; it is empty before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The bytes end before the message does.
    Truncated {
        /// The field that is not there or not whole.
        field: &'static str,
    },
    /// The message ends before the bytes do.
    TrailingBytes {
        /// How many are left.
        bytes: usize,
    },
    /// There are more bytes than any message in this direction has.
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many there can be.
        limit: usize,
    },
    /// There are more blocks and endpoints than [`MOST_HANDLES`](crate::MOST_HANDLES).
    TooManyHandles {
        /// How many there are.
        count: usize,
    },
    /// The contract has no message of this number.
    UnknownMessage {
        /// The number.
        number: u32,
    },
    /// The contract has the message, but this side does not send it in this state.
    NotInThisState {
        /// The message's name.
        message: &'static str,
        /// The state's name.
        state: &'static str,
    },
    /// Bytes that are no value of their field's type.
    BadValue {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: ValueFault,
    },
    /// A block or endpoint that is not what its field says.
    BadHandle {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: HandleFault,
    },
    /// Blocks or endpoints came along that no field speaks of.
    UnusedHandles {
        /// How many.
        count: usize,
    },
}

/// Why bytes are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFault {
    /// A number has more bits than its type, or more bytes than it needs.
    Number,
    /// A `bool` is neither 0 nor 1.
    Bool,
    /// A `char` is not one Unicode scalar value.
    Char,
    /// The enum has no such variant.
    Variant,
    /// A text is longer than its type allows.
    Length,
    /// A text is not UTF-8.
    Utf8,
    /// The type's own check says that it is none.
    Refused,
}

/// Why a handle is not what its field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleFault {
    /// There is no handle of that index.
    Index,
    /// The handle was used before.
    Used,
    /// An endpoint where a block should be.
    NotABlock,
    /// A block where an endpoint should be.
    NotAnEndpoint,
    /// The block's size is not that of the content it should have.
    Size,
    /// The block's address is not aligned for its content.
    Alignment,
    /// The endpoint is of another contract, of the other side, or in another state.
    Endpoint,
}

/// Why a message was not encoded. It is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// There is no memory for a block that must be packed.
    Exhausted,
    /// It carries more blocks and endpoints than [`MOST_HANDLES`](crate::MOST_HANDLES).
    TooManyHandles {
        /// How many it carries.
        count: usize,
    },
}

/// Why a message was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The sender broke the contract.
    Violation(Violation),
    /// The receiver has no memory for a block that must be copied. Nobody broke anything.
    Exhausted,
}

impl From<Violation> for DecodeError {
    fn from(violation: Violation) -> Self {
        DecodeError::Violation(violation)
    }
}

impl From<Exhausted> for EncodeError {
    fn from(_: Exhausted) -> Self {
        EncodeError::Exhausted
    }
}

impl From<Exhausted> for DecodeError {
    fn from(_: Exhausted) -> Self {
        DecodeError::Exhausted
    }
}

/// For who writes a message only to read it.
impl From<EncodeError> for DecodeError {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::Exhausted => DecodeError::Exhausted,
            EncodeError::TooManyHandles { count } => Violation::TooManyHandles { count }.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Truncated { field: "" } => f.write_str("the message has no bytes"),
            Violation::Truncated { field } => write!(f, "the message ends within field `{field}`"),
            Violation::TrailingBytes { bytes: 1 } => f.write_str("a byte follows the message"),
            Violation::TrailingBytes { bytes } => write!(f, "{bytes} bytes follow the message"),
            Violation::TooLong { bytes, limit } => {
                write!(f, "{bytes} bytes are more than the {limit} of the longest message")
            }
            Violation::TooManyHandles { count } => {
                write!(
                    f,
                    "{count} blocks and endpoints are more than the {MOST_HANDLES} that a message carries"
                )
            }
            Violation::UnknownMessage { number } => write!(f, "the contract has no message number {number}"),
            Violation::NotInThisState { message, state } => {
                write!(f, "this side does not send `{message}` in state `{state}`")
            }
            Violation::BadValue { field: "", fault } => write!(f, "the message's number {fault}"),
            Violation::BadValue { field, fault } => write!(f, "field `{field}` {fault}"),
            Violation::BadHandle { field, fault } => write!(f, "field `{field}` {fault}"),
            Violation::UnusedHandles { count } => {
                write!(f, "no field speaks of {count} of the blocks and endpoints")
            }
        }
    }
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueFault::Number => "is no number of its type",
            ValueFault::Bool => "is a `bool` that is neither 0 nor 1",
            ValueFault::Char => "is not one Unicode character",
            ValueFault::Variant => "is a variant that its enum does not have",
            ValueFault::Length => "is a text longer than its type allows",
            ValueFault::Utf8 => "is a text that is not UTF-8",
            ValueFault::Refused => "is no value, as its type's own check says",
        })
    }
}

impl fmt::Display for HandleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HandleFault::Index => "refers to a handle that is not there",
            HandleFault::Used => "refers to a handle that another field has",
            HandleFault::NotABlock => "refers to an endpoint and should be a block",
            HandleFault::NotAnEndpoint => "refers to a block and should be an endpoint",
            HandleFault::Size => "refers to a block that has not the size of its content",
            HandleFault::Alignment => "refers to a block that is not aligned for its content",
            HandleFault::Endpoint => "refers to an endpoint of another contract, side or state",
        })
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EncodeError::Exhausted => fmt::Display::fmt(&Exhausted, f),
            EncodeError::TooManyHandles { count } => Violation::TooManyHandles { count }.fmt(f),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Violation(violation) => fmt::Display::fmt(violation, f),
            DecodeError::Exhausted => fmt::Display::fmt(&Exhausted, f),
        }
    }
}

impl core::error::Error for Violation {}
impl core::error::Error for EncodeError {}
impl core::error::Error for DecodeError {}
