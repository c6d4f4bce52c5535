//! Values and their wire form: those that a type's own check refuses, those that have no bytes, and those that are large.

use std::thread;

use contracts::testing::{Random, made_up};
use contracts::wire::{self, DecodeError, Packet, ValueFault, Violation};
use contracts::{Contract, ExBox, Exchange, Side, spec};

/// A percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(transparent)]
#[exchange(check = Self::is_valid)]
pub struct Percent(u8);

impl Percent {
    fn is_valid(&self) -> bool {
        self.0 <= 100
    }
}

/// What is known of a forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
#[exchange(check = Forecast::is_valid)]
pub enum Forecast {
    /// Nothing.
    Unknown,
    /// How sure it is to rain, and how sure not to.
    Rain {
        /// That it rains.
        yes: Percent,
        /// That it does not.
        no: Percent,
    },
}

impl Forecast {
    fn is_valid(&self) -> bool {
        !matches!(self, Forecast::Rain { yes, no } if yes.0 + no.0 != 100)
    }
}

/// Says what the weather will be.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Weather {
    /// For some days.
    #[client(Idle => End)]
    Days {
        /// Today.
        today: Forecast,
        /// Each that follows.
        later: ExBox<[Forecast]>,
        /// How sure each is.
        sure: ExBox<[Percent]>,
    },
}

#[test]
fn values_that_their_type_refuses_are_none() {
    let block = |bytes: &[u8]| {
        let packet = wire::encode(spec::pipe::PipeWriter::Write {
            length: 1,
            block: ExBox::copy_of(bytes).expect("memory"),
        });
        packet.expect("memory").handles.pop().expect("the block")
    };
    // Today, the next two days in a block, two percentages in another.
    let decode = |today: &[u8], later: &[u8], sure: &[u8]| {
        let mut bytes = vec![0];
        bytes.extend_from_slice(today);
        bytes.extend_from_slice(&[0, 2, 1, 2]);
        let packet = Packet { bytes, handles: vec![block(later), block(sure)] };
        wire::decode::<Weather>(Side::Client, 0, packet)
            .map(|(Weather::Days { today, later, sure }, _)| (today, later.to_vec(), sure.to_vec()))
    };
    let rain = |yes, no| Forecast::Rain { yes: Percent(yes), no: Percent(no) };
    let good = decode(&[1, 30, 70], &[0, 1, 0, 100], &[0, 100]);
    assert_eq!(
        good,
        Ok((rain(30, 70), vec![Forecast::Unknown, rain(0, 100)], vec![Percent(0), Percent(100)]))
    );
    let refused = |field| Err(Violation::BadValue { field, fault: ValueFault::Refused }.into());
    assert_eq!(decode(&[1, 30, 71], &[0, 0], &[0, 0]), refused("today"));
    assert_eq!(decode(&[1, 101, 0], &[0, 0], &[0, 0]), refused("yes"));
    assert_eq!(decode(&[0], &[0, 1, 1, 2], &[0, 0]), refused("later"));
    assert_eq!(decode(&[0], &[0, 0], &[100, 101]), refused("sure"));
}

#[test]
fn what_is_made_up_is_a_value_to_its_type() {
    let mut random = Random::new(9);
    for _ in 0..50 {
        let Weather::Days { today, later, sure } = made_up(0, &mut random);
        assert!(
            today.is_valid() && later.iter().all(Forecast::is_valid) && sure.iter().all(Percent::is_valid)
        );
    }
}

/// Nothing, if that is something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(C)]
#[exchange(check = Nothing::is_valid)]
pub struct Nothing;

impl Nothing {
    fn is_valid(&self) -> bool {
        true
    }
}

/// As [`Nothing`], and never is.
#[derive(Debug, Exchange)]
#[repr(C)]
#[exchange(check = Never::is_valid)]
pub struct Never;

impl Never {
    fn is_valid(&self) -> bool {
        false
    }
}

/// Messages of values without bytes.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Void {
    /// Some.
    #[client(Idle => End)]
    Some {
        /// So many.
        nothings: ExBox<[Nothing]>,
    },
    /// None.
    #[client(Idle => End)]
    None {
        /// So many.
        nevers: ExBox<[Never]>,
    },
}

#[test]
fn values_without_bytes_come_through_a_block_as_many_as_they_were() {
    let void = |count| {
        let nothings = ExBox::copy_of(&vec![Nothing; count][..]).expect("memory");
        wire::encode(Void::Some { nothings }).expect("memory")
    };
    let decode = |packet| wire::decode::<Void>(Side::Client, 0, packet).map(|(message, _)| message);
    let Ok(Void::Some { nothings }) = decode(void(5)) else { panic!("it was encoded") };
    assert_eq!(nothings.len(), 5);
    // More than anybody would count to, of what is never a value.
    let many = Packet { bytes: vec![1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], handles: void(0).handles };
    let refused = Violation::BadValue { field: "nevers", fault: ValueFault::Refused };
    assert!(matches!(decode(many), Err(DecodeError::Violation(violation)) if violation == refused));
}

/// A message that is large inline.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Bulk {
    /// All of it.
    #[client(Idle => End)]
    All {
        /// In one piece.
        bytes: [u8; 16_384],
    },
}

#[test]
fn a_large_message_is_decoded_on_a_small_stack() {
    let packet = wire::encode(Bulk::All { bytes: [7; 16_384] }).expect("memory");
    let decode = move || {
        let (Bulk::All { bytes }, _) = wire::decode::<Bulk>(Side::Client, 0, packet).expect("it was encoded");
        assert!(bytes.iter().all(|byte| *byte == 7));
    };
    thread::Builder::new().stack_size(229_376).spawn(decode).expect("a thread").join().expect("no overflow");
}

mod unchecked {
    /// As the other one, unchecked.
    #[derive(contracts::Exchange)]
    #[repr(transparent)]
    pub(super) struct Percent(u8);
}

#[test]
fn a_checked_type_is_another_type() {
    // A block of it has another wire form, so both sides must agree.
    assert_ne!(Percent::FINGERPRINT, unchecked::Percent::FINGERPRINT);
    const { assert!(unchecked::Percent::ANY_BYTES && !Percent::ANY_BYTES) };
}
