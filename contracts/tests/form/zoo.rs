//! Types of every kind, and the contract whose messages have them.

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{AnyEndpoint, Contract, ExBox, Exchange, Text};

/// Padding within and at the end.
#[derive(Exchange)]
#[repr(C)]
pub(crate) struct Inner {
    x: u32,
    y: u8,
}

/// Padding between, and a struct with padding.
#[derive(Exchange)]
#[repr(C)]
pub(crate) struct Outer {
    a: u8,
    inner: Inner,
    b: u16,
    c: Only<Inner>,
}

/// What it wraps, and something of no size.
#[derive(Exchange)]
#[repr(transparent)]
pub(crate) struct Only<T>((), T);

/// More alignment than content.
#[derive(Exchange)]
#[repr(C, align(64))]
pub(crate) struct Wide {
    byte: u8,
}

/// Not all bytes, and a gap.
#[derive(Exchange)]
#[repr(C)]
pub(crate) struct Mixed {
    flag: bool,
    number: u16,
    letter: char,
}

/// Numbers out of a row.
#[derive(Exchange)]
#[repr(u8)]
pub(crate) enum Odd {
    Red = 1,
    Green = 200,
    Blue = 201,
}

/// Negative ones.
#[derive(Exchange)]
#[repr(i16)]
pub(crate) enum Signed {
    Minus = -2,
    One = -1,
    Zero = 0,
    Far = 0x1234,
}

/// As C has it.
#[derive(Exchange)]
#[repr(C)]
pub(crate) enum Plain {
    A,
    B,
    C,
}

/// As C has it, negative.
#[derive(Exchange)]
#[repr(C)]
pub(crate) enum Below {
    A = -1,
    B = i32::MAX as isize,
}

/// Eight bytes of number.
#[derive(Exchange)]
#[repr(u64)]
pub(crate) enum Large {
    A = 7,
    B = u64::MAX,
}

/// Only one.
#[derive(Exchange)]
#[repr(u8)]
pub(crate) enum Lone {
    Only = 9,
}

/// A number and much padding.
#[derive(Exchange)]
#[repr(u8, align(8))]
pub(crate) enum Spread {
    A,
    B,
}

/// Variants with the same fields in an enum of each representation.
macro_rules! picks {
    ($($(#[$docs:meta])* $name:ident: $($repr:ident),*;)*) => {$(
        $(#[$docs])*
        #[derive(Exchange)]
        #[repr($($repr),*)]
        pub(crate) enum $name {
            This(u8, bool, u32),
            Nothing,
            Deep(Inner),
            Nested { before: u8, odd: Odd, wide: u64 },
            Empty([u64; 0], u8),
        }
    )*};
}

picks! {
    /// A number and a union.
    PickC: C;
    /// A union of structs that begin with a number.
    PickByte: u8;
    /// As above.
    PickShort: u16;
    /// A smaller number and a union.
    PickCByte: C, u8;
    /// As above, signed.
    PickLong: i32;
}

/// An enum in an enum, with blocks.
#[derive(Exchange)]
#[repr(u8)]
pub(crate) enum Tree {
    Leaf(PickC),
    Block(u8, ExBox<[Mixed]>),
    Two { one: ExBox<Odd>, other: ExBox<[u8]> },
}

/// No more than a hundred.
#[derive(Exchange)]
#[repr(transparent)]
#[exchange(check = Self::is_valid)]
pub(crate) struct Percent(pub(crate) u8);

impl Percent {
    fn is_valid(&self) -> bool {
        self.0 <= 100
    }
}

/// Begins as another contract.
#[derive(Contract)]
#[contract(start = Idle, extends = PingPong)]
pub(crate) enum PingPongs {
    /// There.
    #[client(Idle => Waiting)]
    Ping {
        /// Anything.
        value: u64,
    },
    /// And back.
    #[server(Waiting => Idle)]
    Pong {
        /// What the ping said.
        value: u64,
    },
    /// Twice.
    #[client(Idle => Waiting)]
    Double {
        /// Anything.
        value: u64,
    },
}

/// One message for each kind.
#[derive(Contract)]
#[contract(start = S0)]
pub(crate) enum Zoo {
    /// Whatever bytes.
    #[client(S0 => S1)]
    Numbers { a: u8, b: u128, c: i16, d: f32, e: f64, f: usize, g: (), h: [u16; 3] },
    /// Structs.
    #[server(S1 => S2)]
    Structs { outer: Outer, byte: u8, wide: [Only<Inner>; 2] },
    /// Truths and letters.
    #[client(S2 => S3)]
    Truths {
        truth: bool,
        row: [bool; 3],
        letter: char,
        grid: [[bool; 2]; 2],
        mixed: [Mixed; 3],
        none: [bool; 0],
        one: [char; 1],
    },
    /// Texts.
    #[client(S3 => S4)]
    Texts { text: Text<10>, none: Text<0>, row: [Text<3>; 2] },
    /// Enums without fields.
    #[client(S4 => S5)]
    Fieldless {
        odd: Odd,
        signed: Signed,
        plain: Plain,
        below: Below,
        large: Large,
        lone: Lone,
        spread: Spread,
        row: [Odd; 2],
    },
    /// Enums with fields.
    #[client(S5 => S6)]
    Fields { c: PickC, byte: PickByte, short: PickShort, c_byte: PickCByte, long: [PickLong; 2] },
    /// Blocks.
    #[client(S6 => S7)]
    Blocks {
        bytes: ExBox<[u8]>,
        outer: ExBox<Outer>,
        wide: ExBox<[Wide]>,
        mixed: ExBox<[Mixed]>,
        unit: ExBox<()>,
        units: ExBox<[()]>,
    },
    /// Blocks in blocks.
    #[client(S7 => S8)]
    Deep { rows: ExBox<[ExBox<[bool]>]>, tree: [Tree; 2], trees: ExBox<[Tree]> },
    /// Endpoints.
    #[client(S8 => S9)]
    Endpoints {
        byte: u8,
        client: ping_pong::Client<ping_pong::Idle>,
        server: ping_pong::Server<ping_pong::Waiting>,
        newer: ping_pongs::Server<ping_pongs::Waiting>,
        any: AnyEndpoint,
        block: ExBox<[ping_pong::Client<ping_pong::Idle>]>,
    },
    /// A contract that carries itself.
    #[client(S9 => S10)]
    Itself { again: Again },
    /// Values with a check of their own.
    #[client(S10 => End)]
    Checked { percent: Percent, block: ExBox<[Percent]> },
}

/// The zoo's own client, or nothing.
#[derive(Exchange)]
#[repr(C)]
pub(crate) enum Again {
    Nothing,
    Some(zoo::Client<zoo::S0>),
}

/// How many messages the zoo has.
pub(crate) const MESSAGES: u16 = 11;
