//! Streams between two processes: windows, credit, waiting for room, and closing.

use contracts::{Contract, EndpointSet, ExBox, Instant, SendError, TrySendError};
use trial::assist::assist;
use trial::feed::{Feed, feed};
use trial::trouble::Trouble;

use crate::hall::{Check, Hall, done, holds};
use crate::waiting::NEVER;

pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("stream_in_order", in_order),
    ("stream_full_at_its_window", full_at_its_window),
    ("stream_credit_in_batches", credit_in_batches),
    ("stream_sender_woken", sender_woken),
    ("stream_sends_mixed", sends_mixed),
    ("stream_closed_while_waiting", closed_while_waiting),
    ("stream_closed_while_not_waiting", closed_while_not_waiting),
    ("stream_into_a_set", into_a_set),
];

/// The window of `Feed`'s streams. The receiver tells of what it took in batches of a quarter of it.
const WINDOW: u64 = 64;
const BATCH: u64 = WINDOW / 4;

type Sender = feed::Server<feed::Feeding>;
type Assistant = assist::Client<assist::Ready>;
type Taking = assist::Client<assist::Taking>;

/// A stream to the assistant that has begun.
fn begin(hall: &mut Hall) -> Result<(Sender, Assistant), Trouble> {
    let (receiver, sender) = Feed::channel()?;
    let assistant = done(hall.assistant()?.follow(receiver))?;
    let feed::ServerReady::Start { next } = sender.receive()?;
    Ok((next, assistant))
}

/// What the assistant received: how many messages, in order.
fn took(taking: Taking) -> Result<(u64, Assistant), Trouble> {
    let assist::ClientTaking::Took { count, disordered, next, .. } = taking.receive()?;
    holds(disordered == 0, "messages arrive in order")?;
    Ok((count, next))
}

/// Sends without waiting until the window is full; how many that were, and the number that was not sent.
fn fill(mut sender: Sender, first: u64) -> Result<(u64, Sender), Trouble> {
    for number in first.. {
        sender = match sender.try_item(number) {
            Ok(sender) => sender,
            Err(TrySendError::Full(sender, unsent)) => {
                holds(unsent.number == number, "the message that does not fit comes back")?;
                return Ok((number - first, sender));
            }
            Err(TrySendError::Closed(_)) => return Err(Trouble::Closed),
        };
    }
    Err(Trouble::Wrong("a window ends"))
}

/// A sender that waits for room brings very many messages through its window. It is woken for batches, not for each.
fn in_order(hall: &mut Hall) -> Result<(), Trouble> {
    const MESSAGES: u64 = 200_000;
    let (mut sender, assistant) = begin(hall)?;
    let before = hall.totals()?;
    let taking = assistant.take_all();
    for number in 0..MESSAGES {
        sender = sender.item(number).map_err(|_| Trouble::Closed)?;
    }
    let _ready = sender.last();
    let (count, _) = took(taking)?;
    let hand_offs = hall.totals()?.hand_offs - before.hand_offs;
    rt::log!("fact stream messages={count} hand_offs={hand_offs}");
    holds(count == MESSAGES, "every message arrives")
}

fn full_at_its_window(hall: &mut Hall) -> Result<(), Trouble> {
    let (sender, assistant) = begin(hall)?;
    let (sent, sender) = fill(sender, 0)?;
    holds(sent == WINDOW, "as many go as the window is large")?;
    let (taken, assistant) = took(assistant.take_there())?;
    holds(taken == WINDOW, "they are there")?;
    let (sent, _sender) = fill(sender, WINDOW)?;
    holds(sent == WINDOW, "the window is whole again")?;
    drop(assistant);
    Ok(())
}

fn credit_in_batches(hall: &mut Hall) -> Result<(), Trouble> {
    let (sender, assistant) = begin(hall)?;
    let (sent, mut sender) = fill(sender, 0)?;
    let (mut assistant, mut next) = (assistant, sent);
    for (take, room) in [(1, 0), (BATCH - 2, 0), (1, BATCH), (BATCH + 3, BATCH), (BATCH - 3, BATCH)] {
        let (taken, ready) = took(assistant.take(take))?;
        holds(taken == take, "as many are taken as were asked for")?;
        let (sent, same) = fill(sender, next)?;
        holds(sent == room, "credit comes when a batch is full")?;
        (assistant, sender, next) = (ready, same, next + sent);
    }
    // Fewer than a batch, and then nothing.
    let (_, assistant) = took(assistant.take_there())?;
    for number in next..next + BATCH / 2 {
        sender = sender.try_item(number).map_err(|_| Trouble::Closed)?;
    }
    next += BATCH / 2;
    let (taken, _assistant) = took(assistant.take_there())?;
    let (sent, _sender) = fill(sender, next)?;
    holds((taken, sent) == (BATCH / 2, WINDOW), "who finds nothing gives credit for all that was taken")
}

/// A sender that waits on a full window goes on when the receiver has taken some, and not before.
fn sender_woken(hall: &mut Hall) -> Result<(), Trouble> {
    let (sender, assistant) = begin(hall)?;
    let (sent, sender) = fill(sender, 0)?;
    // The assistant runs when this process waits, which it does for room.
    let taking = assistant.take(sent / 2);
    let sender = sender.item(sent).map_err(|_| Trouble::Closed)?;
    let (taken, assistant) = took(taking)?;
    holds(taken == sent / 2, "the receiver took half while the sender waited")?;
    let (more, _sender) = fill(sender, sent + 1)?;
    holds(more == sent / 2 - 1, "one of the free places is the waiting sender's")?;
    drop(assistant);
    Ok(())
}

fn sends_mixed(hall: &mut Hall) -> Result<(), Trouble> {
    const MESSAGES: u64 = 20_000;
    let (mut sender, assistant) = begin(hall)?;
    let taking = assistant.take_all();
    let mut waited = 0;
    for number in 0..MESSAGES {
        sender = match sender.try_item(number) {
            Ok(sender) => sender,
            Err(TrySendError::Full(sender, unsent)) => {
                waited += 1;
                sender.item(unsent.number).map_err(|_| Trouble::Closed)?
            }
            Err(TrySendError::Closed(_)) => return Err(Trouble::Closed),
        };
    }
    let _ready = sender.last();
    let (count, _) = took(taking)?;
    holds(waited > 0, "the window was full at times")?;
    holds(count == MESSAGES, "every message arrives")
}

/// The receiver closes while the sender waits for room: the sender is woken and has its message back.
fn closed_while_waiting(hall: &mut Hall) -> Result<(), Trouble> {
    let (mut sender, assistant) = begin(hall)?;
    let before = hall.totals()?;
    for size in 0..WINDOW {
        sender = sender.try_parcel(ExBox::zeroed(size as usize)?).map_err(|_| Trouble::Closed)?;
    }
    let block = ExBox::copy_of(b"mine")?;
    let address = block.address();
    let forgetting = assistant.forget();
    let Err(SendError(unsent)) = sender.parcel(block) else {
        return Err(Trouble::Wrong("there is no room, and nobody to make some"));
    };
    holds((unsent.block.address(), &unsent.block[..]) == (address, b"mine"), "the block comes back")?;
    drop(done(forgetting)?);
    drop(unsent);
    let after = hall.totals()?;
    holds((after.blocks, after.bytes) == (before.blocks, before.bytes), "what was in flight is freed")
}

fn closed_while_not_waiting(hall: &mut Hall) -> Result<(), Trouble> {
    let (mut sender, assistant) = begin(hall)?;
    drop(done(assistant.forget())?);
    for number in 0..WINDOW {
        let Ok(same) = sender.try_item(number) else {
            return Err(Trouble::Wrong("a send within the window succeeds whoever is gone"));
        };
        sender = same;
    }
    match sender.try_item(WINDOW) {
        Err(TrySendError::Closed(unsent)) => holds(unsent.number == WINDOW, "the message comes back"),
        _ => Err(Trouble::Wrong("a full window says that the peer is gone")),
    }
}

/// Both ends are here; the receiver is in a set. What carries a block comes in its place among what carries nothing, each once,
/// and the close at last.
fn into_a_set(_: &mut Hall) -> Result<(), Trouble> {
    const MESSAGES: u64 = 12;
    let (receiver, sender) = Feed::channel()?;
    let mut set = EndpointSet::new()?;
    set.insert(receiver.start(), ());
    let feed::ServerReady::Start { next: mut sender } = sender.receive()?;
    // One in three, and two in a row.
    let is_parcel = |number: u64| matches!(number % 6, 1 | 4 | 5);
    for number in 0..MESSAGES {
        sender = match is_parcel(number) {
            true => sender.try_parcel(ExBox::copy_of(&[number as u8])?).map_err(|_| Trouble::Closed)?,
            false => sender.try_item(number).map_err(|_| Trouble::Closed)?,
        };
    }
    drop(sender);
    for expected in 0..MESSAGES {
        let (number, next) = match set.receive_by(Instant::now() + NEVER).ok_or(Trouble::Closed)?.received? {
            feed::ClientFeeding::Item { number, next } => (number, next),
            feed::ClientFeeding::Parcel { block, next } => (u64::from(block[0]), next),
            feed::ClientFeeding::Last { .. } => return Err(Trouble::Wrong("nobody has said that")),
        };
        holds(number == expected, "messages arrive in order, each once")?;
        set.insert(next, ());
    }
    let last = set.receive_by(Instant::now() + NEVER).ok_or(Trouble::Closed)?;
    holds(last.received.is_err() && set.is_empty(), "then the sender is gone")
}
