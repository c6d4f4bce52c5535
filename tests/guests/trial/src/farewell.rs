//! One who is about to die says something first, and somebody listens.

use contracts::spec::ping::ping_pong;
use contracts::{Contract, ExBox};

/// ```text
/// Living --?Say--> Living
/// Living --?Leave--> Leaving --!Thanks--> Living
/// Living --?Bring--> Bringing --!Taken--> Living
/// Living --?Bye--> End
/// ```
#[derive(Contract)]
#[contract(start = Living)]
pub enum Farewell {
    /// A number.
    #[client(Living => Living, window = 4)]
    Say {
        /// It.
        number: u64,
    },
    /// A block.
    #[client(Living => Leaving)]
    Leave {
        /// It.
        block: ExBox<[u8]>,
    },
    /// It back.
    #[server(Leaving => Living)]
    Thanks {
        /// It.
        block: ExBox<[u8]>,
    },
    /// An end of a channel whose other end stays behind.
    #[client(Living => Bringing)]
    Bring {
        /// It.
        client: ping_pong::Client<ping_pong::Idle>,
    },
    /// It is kept.
    #[server(Bringing => Living)]
    Taken,
    /// There is nothing more to say.
    #[client(Living => End)]
    Bye,
}

/// Numbers that are said before all else.
pub const NUMBERS: u64 = 3;
/// Bytes of the block that is left, and what is in it.
pub const BLOCK: (usize, u8) = (5000, 0x5a);

/// How much is said before death. Each point has all that the ones before have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// Nothing.
    Silent,
    /// All numbers, which nobody need have received yet.
    Said,
    /// A block, which nobody need have received yet.
    Left,
    /// The answer to that was received.
    Thanked,
    /// An end of a channel, which nobody need have received yet.
    Brought,
    /// The answer to that was received.
    Taken,
}

/// All of them, by name.
pub const POINTS: [(&str, Point); 6] = [
    ("silent", Point::Silent),
    ("said", Point::Said),
    ("left", Point::Left),
    ("thanked", Point::Thanked),
    ("brought", Point::Brought),
    ("taken", Point::Taken),
];
