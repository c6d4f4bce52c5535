//! Crates that forbid unsafe code, deny undocumented items and warnings of any kind use contracts.

#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, unreachable_pub, unused, rust_2018_idioms)]

use contracts::{Contract, ExBox, Exchange};

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(C)]
pub enum Refusal {
    /// The oracle is asleep.
    Asleep,
    /// It is asked too much.
    Busy {
        /// Seconds to wait.
        seconds: u32,
    },
}

/// Asks and is told.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Oracle {
    /// A question.
    #[client(Idle => Asked)]
    Ask {
        /// Its text.
        text: ExBox<[u8]>,
        /// How urgent it is.
        priority: u8,
    },
    /// The answer.
    #[server(Asked => Idle)]
    Answer {
        /// True or not.
        answer: bool,
    },
    /// No answer.
    #[server(Asked => Idle, Waking => Idle)]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// Wakes the oracle.
    #[client(Idle => Waking)]
    Wake,
    /// No more questions.
    #[client(Idle => End)]
    Leave,
}

/// Never used: no warning.
#[derive(Contract)]
#[contract(start = One)]
enum Private {
    #[client(One => Two)]
    A { number: u32 },
    #[server(Two => End)]
    B,
}

/// Neither this one.
#[derive(Contract)]
#[contract(start = One, extends = Private)]
enum Extension {
    #[client(One => Two)]
    A { number: u32 },
    #[server(Two => End)]
    B,
    #[client(One => One, window = 2)]
    C { block: ExBox<[u8]> },
}

fn main() {
    let (client, server) = Oracle::channel().expect("memory for a channel");
    assert_eq!(format!("{client:?}"), "Oracle::Client<Idle>");
    let text = ExBox::copy_of(b"Is it?").expect("memory for a block");
    let client = client.ask(text, 1);
    let Ok(oracle::ServerIdle::Ask { text, priority: 1, next }) = server.receive() else { panic!("not the question") };
    assert_eq!(&*text, b"Is it?");
    let server = next.refused(Refusal::Busy { seconds: 3 });
    let Ok(oracle::ClientAsked::Refused { refusal, next }) = client.receive() else { panic!("not the refusal") };
    assert_eq!(refusal, Refusal::Busy { seconds: 3 });
    next.leave();
    assert!(matches!(server.receive(), Ok(oracle::ServerIdle::Leave)));
}
