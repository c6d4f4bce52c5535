//! A conversation whose messages hold values of all kinds, blocks of them, and endpoints.

use core::hint::black_box;
use core::time::Duration;

use contracts::{Contract, EndpointSet, ExBox, Exchange, Instant, Text};

use crate::random::Random;

/// A value of all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(C)]
pub struct Question {
    /// An integer without sign.
    pub number: u64,
    /// An integer with sign.
    pub small: i16,
    /// One of two.
    pub flag: bool,
    /// One of many.
    pub letter: char,
    /// One of a few.
    pub kind: Kind,
    /// A text.
    pub name: Text<40>,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Kind {
    /// This.
    This,
    /// That.
    That,
    /// Something else.
    Other,
}

/// ```text
/// Asking --?Ask--> Answering --!Answer--> Asking
/// Asking --?Lend--> Lending --!Back--> Asking
/// Asking --?Pass--> Passing --!Passed--> Asking
/// Asking --?Watch--> Watching --!Watched--> Asking
/// Asking --?Done--> End
/// ```
#[derive(Contract)]
#[contract(start = Asking)]
pub enum Quiz {
    /// A question.
    #[client(Asking => Answering)]
    Ask {
        /// It.
        question: Question,
    },
    /// The question is its answer.
    #[server(Answering => Asking)]
    Answer {
        /// It.
        question: Question,
    },
    /// Many questions.
    #[client(Asking => Lending)]
    Lend {
        /// They.
        questions: ExBox<[Question]>,
    },
    /// The same, the number of each one greater.
    #[server(Lending => Asking)]
    Back {
        /// They.
        questions: ExBox<[Question]>,
    },
    /// An endpoint like this one.
    #[client(Asking => Passing)]
    Pass {
        /// It.
        client: quiz::Client<quiz::Asking>,
    },
    /// It again.
    #[server(Passing => Asking)]
    Passed {
        /// It.
        client: quiz::Client<quiz::Asking>,
    },
    /// Words to look at for a while.
    #[client(Asking => Watching)]
    Watch {
        /// They.
        words: ExBox<[u64]>,
    },
    /// They were looked at.
    #[server(Watching => Asking)]
    Watched {
        /// They.
        words: ExBox<[u64]>,
        /// Whether they stayed what they were.
        same: bool,
    },
    /// There are no more.
    #[client(Asking => End)]
    Done,
}

impl Question {
    /// One that looks random.
    pub fn random(random: &mut Random) -> Question {
        const LETTERS: [char; 5] = ['a', '\u{e4}', '\u{20ac}', '\u{1f980}', '\0'];
        let letter = LETTERS[random.below(5) as usize];
        let mut name = Text::EMPTY;
        for _ in 0..random.below(10) {
            // What does not fit is left out.
            let _ = core::fmt::Write::write_char(&mut name, letter);
        }
        Question {
            number: random.below(u64::MAX / 2),
            small: random.below(1 << 16) as u16 as i16,
            flag: random.below(2) == 1,
            letter,
            kind: [Kind::This, Kind::That, Kind::Other][random.below(3) as usize],
            name,
        }
    }
}

/// Reads words again and again, for long enough that others run meanwhile; whether they stayed what they were.
fn watch(words: &[u64]) -> bool {
    let sum = |words: &[u64]| words.iter().fold(0, |sum: u64, word| sum.rotate_left(7) ^ *word);
    let (first, end) = (sum(words), Instant::now() + Duration::from_millis(20));
    let mut same = true;
    while Instant::now() < end {
        same &= sum(black_box(words)) == first;
    }
    same
}

/// Answers `clients` for ever.
pub fn serve(mut clients: EndpointSet<quiz::Server<quiz::Asking>>) -> ! {
    loop {
        let client = match clients.receive().received {
            Ok(quiz::ServerAsking::Ask { question, next }) => {
                // Upwards it would be another: by whose rule is rounded is nobody else's to say.
                let third = black_box(1.0f64) / black_box(3.0);
                assert_eq!(third.to_bits(), 0x3fd5_5555_5555_5555, "the nearest to a third");
                next.answer(question)
            }
            Ok(quiz::ServerAsking::Lend { mut questions, next }) => {
                questions.iter_mut().for_each(|question| question.number += 1);
                next.back(questions)
            }
            Ok(quiz::ServerAsking::Pass { client, next }) => next.passed(client),
            Ok(quiz::ServerAsking::Watch { words, next }) => {
                let same = watch(&words);
                rt::log!("fact watched same={same}");
                next.watched(words, same)
            }
            Ok(quiz::ServerAsking::Done) | Err(contracts::Closed) => continue,
        };
        clients.insert(client, ());
    }
}
