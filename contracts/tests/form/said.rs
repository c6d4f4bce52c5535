//! What the derive says of messages.

use contracts::Receive;
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Contract, ExBox, Exchange};

use crate::zoo::{MESSAGES, Percent, PickC, Zoo, zoo};

#[test]
fn a_contract_has_a_program_for_each_message_and_none_where_all_bytes_are_values() {
    for message in 0..2 {
        let (size, program) = PingPong::FORMS.message(message).expect("it has two messages");
        assert!(size == 8 && program.is_empty());
    }
    assert!(PingPong::FORMS.message(2).is_none());
    for (message, description) in Zoo::DESCRIPTION.messages.iter().enumerate() {
        let (size, program) = Zoo::FORMS.message(message as u16).expect("it is in the contract");
        assert!(size == description.body_size as usize && !program.is_empty(), "{}", description.name);
    }
    assert!(Zoo::FORMS.message(MESSAGES).is_none());
}

#[test]
fn a_state_says_what_may_come_and_what_follows() {
    fn said<E: Receive>() -> Vec<(u16, u16)> {
        E::EXPECTED.iter().map(|expected| (expected.number, expected.next)).collect()
    }
    assert_eq!(said::<ping_pong::Server<ping_pong::Idle>>(), [(0, 1)]);
    assert_eq!(said::<ping_pong::Client<ping_pong::Waiting>>(), [(1, 0)]);
    assert_eq!(said::<zoo::Server<zoo::S10>>(), [(10, 11)]);
}

#[test]
fn a_type_is_checked_if_a_part_of_it_is_and_its_parts_are_asked() {
    const {
        assert!(Percent::CHECKED && <[Percent; 2]>::CHECKED && !<[Percent; 0]>::CHECKED && !PickC::CHECKED);
    }
    assert!(Percent(100).check() && !Percent(101).check());
    assert!([Percent(1), Percent(2)].check() && ![Percent(1), Percent(200)].check());
}

/// As a message's body lies in its slot.
#[repr(C)]
struct Checked {
    percent: Percent,
    block: ExBox<[Percent]>,
}

#[test]
fn the_body_of_a_message_is_checked_by_its_number() {
    let check = |percent, in_block, number| {
        let block = ExBox::from_fn(3, |index| Percent(if index == 2 { in_block } else { 0 }));
        let body = Checked { percent: Percent(percent), block: block.expect("memory") };
        assert_eq!((body.percent.check(), body.block.check()), (percent <= 100, in_block <= 100));
        // SAFETY: it is laid out as the body of the only message of this state.
        unsafe { <zoo::Server<zoo::S10> as Receive>::check(number, (&raw const body).cast()) }
    };
    assert!(check(100, 100, 10));
    assert!(!check(101, 100, 10));
    assert!(!check(100, 101, 10));
    // Nobody asks for another's.
    assert!(check(101, 101, 9));
}
