//! A crate that calls itself `contracts` gets no code of the derive's that believes it.

#![forbid(unsafe_code)]
#![allow(dead_code)]

extern crate contracts as real;
extern crate self as contracts;

pub use real::{Exchange, Exhausted, Transfer};

pub mod wire {
    pub use real::wire::{DecodeError, Decoder, Encoder};
}

/// Says of each part that it may cross, holds no handles, and is whatever bytes there are.
pub mod generated {
    pub use core as core_library;
    use core::marker::PhantomData;

    pub use real::generated::{Decoded, Encoded, Form};

    #[derive(Clone, Copy)]
    pub struct Field;
    pub struct Part<T>(PhantomData<T>);

    pub const fn part<T>() -> Part<T> {
        Part(PhantomData)
    }

    impl<T> Part<T> {
        pub const fn field(self, _: &str, _: usize) -> real::generated::Field {
            real::generated::Part::field(real::generated::part::<u8>(), "", 0)
        }
        pub fn hand_over(self, _: &T, _: &mut real::Transfer) {}
        pub fn check(self, _: &T) -> bool {
            true
        }
        pub fn encode(self, _: &str, _: T, _: &mut real::wire::Encoder) -> Encoded {
            Ok(())
        }
        pub fn decode(self, _: &'static str, _: &mut real::wire::Decoder<'_>) -> Decoded<T> {
            unreachable!()
        }
    }

    pub const fn layout<T>(_: &str, _: &[real::generated::Field]) -> u64 {
        7
    }
    pub const fn handles(_: &[real::generated::Field]) -> usize {
        0
    }
    pub const fn any_bytes<T>(_: &[real::generated::Field]) -> bool {
        true
    }
    pub const fn any_checked(_: &[real::generated::Field]) -> bool {
        false
    }
    pub const fn wire_bytes(_: &[real::generated::Field]) -> usize {
        0
    }
}

type Hidden = Box<u64>;

#[derive(real::Exchange)]
#[repr(C)]
pub struct Loot {
    number: Hidden,
}

fn main() {}
