//! Names of the user's, whatever they are, keep their meaning in the generated module, and keywords are methods.

#![forbid(unsafe_code)]
#![deny(warnings)]
#![allow(dead_code)]

/// Shadows for what generated code must not take from here.
#[allow(non_camel_case_types)]
mod shadows {
    pub struct Option;
    pub struct Result;
    pub struct PhantomData;
    pub struct Ok;
    pub struct Err;
    pub struct Some;
    pub struct u16;
    pub struct u64;
    pub struct usize;
    pub struct str;
    pub struct bool;
    pub mod core {}
    pub mod std {}
}
#[allow(unused_imports)]
use shadows::*;

const LENGTH: ::core::primitive::usize = 4;

/// Named like fields.
#[allow(non_upper_case_globals)]
const number: u8 = 9;
#[allow(non_upper_case_globals)]
static message: u8 = 9;
#[allow(non_camel_case_types)]
struct closed;

/// Named like a state.
#[derive(Clone, Copy, contracts::Exchange)]
#[repr(C)]
pub struct Idle {
    /// A number.
    pub number: u32,
}

/// Named like generated types.
#[derive(Clone, Copy, contracts::Exchange)]
#[repr(transparent)]
pub struct Client(u8);

mod inner {
    // In scope of the generated code.
    #[allow(unused_imports)]
    use super::{Nosy, closed, message, number, shadows::*};

    /// In a module.
    #[derive(Clone, Copy, contracts::Exchange)]
    #[repr(u16)]
    pub enum Asked {
        /// One.
        One = 1,
        /// The other.
        Other = 1000,
    }

    /// Refers to its surroundings in every way.
    #[derive(contracts::Contract)]
    #[contract(start = Idle)]
    pub(super) enum Match {
        #[client(Idle => Asked)]
        Type { r#fn: super::Idle, raw: self::Asked, content: crate::Client, r#match: [u8; super::LENGTH] },
        #[server(Asked => Idle)]
        Match { message: Asked, closed: [Asked; 2], this: <super::Idle as Same>::Itself },
        #[client(Idle => End)]
        Await,
        #[client(Idle => End)]
        Gen,
        #[server(Asked => End)]
        Receive_,
        /// Not a word of it is used any more, and nothing warns of that.
        #[deprecated]
        #[server(Asked => End)]
        Old {
            /// What it was.
            #[deprecated]
            number: u8,
        },
    }

    pub(super) trait Same {
        type Itself;
    }

    impl<T> Same for T {
        type Itself = T;
    }
}

/// A keyword since the edition of 2024.
#[derive(contracts::Contract)]
#[contract(start = Idle)]
enum Gen {
    #[client(Idle => End)]
    Yield,
}

/// Traits whose methods generated code must not call.
trait Nosy: Sized {
    fn send(self, _: contracts::Side, _: u16, _: u16, _: u8) {
        panic!("called the user's `send`");
    }
    fn take(self) {
        panic!("called the user's `take`");
    }
    fn hand_over(self) {
        panic!("called the user's `hand_over`");
    }
}
impl<T> Nosy for T {}

fn main() {
    use contracts::Contract;
    use inner::r#match::{ClientAsked, ServerIdle};
    let (client, server) = inner::Match::channel().expect("memory for a channel");
    let client = client.r#type(Idle { number: 7 }, inner::Asked::Other, Client(1), [1, 2, 3, 4]);
    let ::std::result::Result::Ok(ServerIdle::Type { r#fn, next, .. }) = server.receive() else { panic!("not `Type`") };
    let _server = next.r#match(inner::Asked::One, [inner::Asked::One; 2], r#fn);
    let ::std::result::Result::Ok(ClientAsked::Match { this, next, .. }) = client.receive() else { panic!("not `Match`") };
    assert_eq!(this.number, 7);
    next.r#await();
    let (client, _server) = Gen::channel().expect("memory for a channel");
    client.r#yield();
}
