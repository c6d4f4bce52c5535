//! What messages, channels and types that cross must not be, refused where they stand.

use core::marker::PhantomData;

use crate::abi::SLOT_ALIGN;
use crate::channel::{MOST_CHANNEL_BYTES, Shape};
use crate::endpoint::{Description, Side};
use crate::exchange::MOST_HANDLES;
use crate::words::Words;

/// Refuses a message that can carry too many blocks and endpoints.
#[track_caller]
pub const fn check_handles(message: &str, handles: usize) {
    if handles > MOST_HANDLES {
        let words = Words::new().and("message `").and(message).and("` can carry ").number(handles);
        let words = words.and(" blocks and endpoints, and ").number(MOST_HANDLES).and(" is the most");
        words.and(": send them in several messages").refuse();
    }
}

/// Refuses a field that a slot does not align.
#[track_caller]
pub const fn check_align(message: &str, field: &str, align: usize) {
    if align > SLOT_ALIGN {
        let words = Words::new().and("field `").and(field).and("` of message `").and(message);
        let words = words.and("` is aligned to ").number(align).and(" bytes, and ").number(SLOT_ALIGN);
        words.and(" is the most in a message: send it in a block, `ExBox<T>`").refuse();
    }
}

/// Refuses the message with this index if channels of the contract are too large, and it is the largest that way.
#[track_caller]
pub const fn check_size(shape: &Shape, contract: &Description, index: usize) {
    if shape.plan().is_some() {
        return;
    }
    let to =
        if bytes(shape, Side::Server) > bytes(shape, Side::Client) { Side::Server } else { Side::Client };
    if index != largest(contract, to) {
        return;
    }
    let (slots, stride) = shape.slots(to);
    let words = Words::new().and("a channel of `").and(contract.name).and("` would have ").number(slots);
    let words = words
        .and(if slots == 1 { " slot of " } else { " slots of " })
        .number(stride)
        .and(" bytes, to hold `");
    let words = words.and(contract.messages[index].name).and("`, and ");
    let words = words.number(MOST_CHANNEL_BYTES >> 20).and(" MiB is the most of a channel: ");
    words.and("send what is large in a block, `ExBox<T>`, or make the window smaller").refuse();
}

/// Bytes of the slots towards one side.
const fn bytes(shape: &Shape, to: Side) -> usize {
    let (slots, stride) = shape.slots(to);
    slots.saturating_mul(stride)
}

/// The first of the largest messages to one side.
const fn largest(contract: &Description, to: Side) -> usize {
    let (mut largest, mut size) = (usize::MAX, 0);
    let mut i = 0;
    while i < contract.messages.len() {
        let message = &contract.messages[i];
        if message.sender.peer() as usize == to as usize && message.body_size >= size {
            if largest == usize::MAX || message.body_size > size {
                largest = i;
            }
            size = message.body_size;
        }
        i += 1;
    }
    largest
}

/// What happens when a value of a type is dropped.
#[derive(Clone, Copy, Debug)]
pub enum Destructor {
    /// Its parts are.
    OfParts,
    /// Its own `Drop` runs first.
    Own,
}

/// Which destructor a type has: the probe's own constant, if it has one, hides that of [`Destructible`].
pub struct Probe<T>(PhantomData<T>);

/// What a [`Probe`] says if it has nothing of its own to say.
pub trait Destructible {
    /// The destructor.
    const DESTRUCTOR: Destructor = Destructor::OfParts;
}

impl<T> Destructible for Probe<T> {}

#[allow(drop_bounds, reason = "the question is who implements `Drop`")]
impl<T: Drop> Probe<T> {
    /// The destructor.
    pub const DESTRUCTOR: Destructor = Destructor::Own;
}

/// Refuses a type with a destructor of its own.
#[track_caller]
pub const fn check_destructor(name: &str, destructor: Destructor) {
    if let Destructor::Own = destructor {
        let words = Words::new()
            .and("`")
            .and(name)
            .and("` implements `Drop`, and its parts are taken out of it when it ");
        words
            .and("crosses: leave freeing to its parts, blocks and endpoints, or to who receives it")
            .refuse();
    }
}
