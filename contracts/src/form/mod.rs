//! Messages in native layout, to and from those who are not believed.
//!
//! A message that crosses the wall of a domain lies in its slot as it would between SIPs: its body's bytes as the
//! compiler lays them out, and beside them the chain of the blocks and endpoints that it carries. Two things are done
//! to it in place:
//!
//! - who sends it towards a domain [`scrub`]s it: what is no part of the value, padding and the bytes of variants that
//!   the value is not, becomes zero, and so do the addresses of blocks and endpoints, which mean nothing behind the
//!   wall; in blocks too;
//! - who receives it from a domain [`adopt`]s it: whatever not all bytes are a value of is checked (`bool`, `char`,
//!   enums, texts, lengths of blocks), and each block and endpoint is filled in from the chain, which the kernel made,
//!   after a comparison of what it is with what the type says.
//!
//! **Why not the [wire form](crate::wire).** That has to be written and read: a copy each way, of whole blocks too
//! where not all bytes are a value, and two functions for each type in each image. Native layout costs a check of the
//! bytes that need one, and nothing where none do. Both sides have the same layout, since the contract's fingerprint
//! covers it.
//!
//! **Why a program.** What there is to do follows from the type. The compiler computes it ([`Form`], a type taken
//! apart; `code.rs`) and writes it down as bytes, [`Forms`], one program for each message of a contract; one
//! interpreter (`walk.rs`) runs them all. An image gets a few bytes for each message, without a pointer in them, and no
//! function.
//!
//! A type's own check (`#[exchange(check = f)]`) is a function of its program. It runs afterwards, when the bytes are a
//! value to everybody else: [`Exchange::check`].

pub(crate) mod code;
mod walk;

use core::fmt;

pub use code::{Forms, Program};
pub use walk::{adopt, scrub};

use crate::endpoint::Side;
use crate::exchange::Exchange;
use crate::generated::{Field, Variant};
use crate::reach::Described;

/// A type taken apart, for constants: where its parts lie, what bytes they may be, and which endpoints they can hold.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Whatever its bytes are, they are a value, and all of them belong to it.
    Bytes,
    /// A `bool`.
    Bool,
    /// A `char`.
    Char,
    /// A [`Text`](crate::Text).
    Utf8 {
        /// Bytes that it has room for.
        capacity: usize,
    },
    /// An array.
    Row {
        /// What each is.
        element: &'static Shaped,
        /// How many.
        count: usize,
    },
    /// A struct.
    Fields(&'static [Field]),
    /// An enum.
    Variants(Tag, &'static [Variant]),
    /// A block.
    Block {
        /// What each of its elements is.
        element: &'static Shaped,
        /// How many there are, if the type says so.
        length: Option<usize>,
    },
    /// An endpoint.
    Endpoint {
        /// Its contract.
        contract: Described,
        /// Its side.
        side: Side,
        /// Its state.
        state: u16,
    },
    /// An [`AnyEndpoint`](crate::AnyEndpoint).
    Any,
}

impl Form {
    /// The fields of a struct.
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Form::Fields(fields) => fields,
            _ => &[],
        }
    }

    /// The variants of an enum.
    pub const fn variants(self) -> &'static [Variant] {
        match self {
            Form::Variants(_, variants) => variants,
            _ => &[],
        }
    }
}

/// A form with its size.
#[derive(Clone, Copy, Debug)]
pub struct Shaped {
    form: Form,
    size: usize,
    align: usize,
}

impl Shaped {
    /// A type's.
    pub const fn of<T: Exchange>() -> Self {
        Shaped { form: T::FORM, size: size_of::<T>(), align: align_of::<T>() }
    }

    /// In bytes.
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// Without the size.
    pub(crate) const fn form(&self) -> Form {
        self.form
    }
}

/// How an enum says which of its variants a value is: by a number at its start.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    bytes: usize,
    payload: Payload,
}

/// Where the fields of an enum's variants begin (RFC 2195).
#[derive(Clone, Copy, Debug)]
enum Payload {
    /// All at one place, which suits the most aligned of them: the enum is a struct of the number and a union.
    Together,
    /// Each as its own alignment has it: the enum is a union of structs that begin with the number.
    Apart,
}

impl Tag {
    /// Of `repr(u8)` and the like; the number has so many bytes.
    pub const fn integer(bytes: usize) -> Self {
        Tag { bytes, payload: Payload::Apart }
    }

    /// Of `repr(C, u8)` and the like.
    pub const fn c_integer(bytes: usize) -> Self {
        Tag { bytes, payload: Payload::Together }
    }

    /// Of `repr(C)`: an `int`, if all numbers fit into one.
    pub const fn c(variants: &[Variant]) -> Self {
        let mut bytes = size_of::<i32>();
        let mut i = 0;
        while i < variants.len() {
            let number = variants[i].1.cast_signed();
            if number < i32::MIN as i64 || number > i32::MAX as i64 {
                bytes = size_of::<isize>();
            }
            i += 1;
        }
        Tag { bytes, payload: Payload::Together }
    }
}

/// Why the bytes of a message from a domain are not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A `bool` that is neither 0 nor 1.
    BadBool,
    /// A `char` that is no character.
    BadChar,
    /// An enum's number that no variant has.
    BadTag,
    /// A text that is longer than its room, or not UTF-8.
    BadText,
    /// An endpoint where the type has a block.
    NotABlock,
    /// A block whose size is not that of so many elements as it says it has, or its type says.
    BadLength,
    /// A block that lies where its elements cannot.
    Misaligned,
    /// A block where the type has an endpoint.
    NotAnEndpoint,
    /// An endpoint of another contract.
    WrongContract,
    /// An endpoint of the other side.
    WrongSide,
    /// An endpoint in another state, or to which a message is under way.
    WrongState,
    /// Fewer blocks and endpoints came than the value has.
    TooFew,
    /// More blocks and endpoints came than the value has.
    TooMany,
}

impl Fault {
    const ALL: [Fault; 13] = [
        Fault::BadBool,
        Fault::BadChar,
        Fault::BadTag,
        Fault::BadText,
        Fault::NotABlock,
        Fault::BadLength,
        Fault::Misaligned,
        Fault::NotAnEndpoint,
        Fault::WrongContract,
        Fault::WrongSide,
        Fault::WrongState,
        Fault::TooFew,
        Fault::TooMany,
    ];

    /// As the kernel is told.
    pub(crate) const fn number(self) -> u32 {
        self as u32
    }

    /// The fault of this number.
    pub(crate) fn of(number: u32) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.number() == number)
    }

    /// What is wrong, for a record.
    pub const fn description(self) -> &'static str {
        match self {
            Fault::BadBool => "a bool is neither 0 nor 1",
            Fault::BadChar => "a char is no character",
            Fault::BadTag => "an enum has no such variant",
            Fault::BadText => "a text is too long or not UTF-8",
            Fault::NotABlock => "an endpoint came for a block",
            Fault::BadLength => "a block is not of the length that it should have",
            Fault::Misaligned => "a block is not aligned for its elements",
            Fault::NotAnEndpoint => "a block came for an endpoint",
            Fault::WrongContract => "an endpoint is of another contract",
            Fault::WrongSide => "an endpoint is of the other side",
            Fault::WrongState => "an endpoint is in another state",
            Fault::TooFew => "it carries too few blocks and endpoints",
            Fault::TooMany => "it carries too many blocks and endpoints",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl core::error::Error for Fault {}
