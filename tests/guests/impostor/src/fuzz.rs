//! Random messages: what a seed leads to is the same each time.

use core::mem::size_of;
use core::ptr;
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{Label, Tracked};
use contracts::{ExBox, Side};
use rt::reconnect::Port;
use trial::quiz::quiz::{Asking, Client};
use trial::quiz::{Question, Quiz};
use trial::random::Random;

use crate::messages::{ASK, LEND, Line, PASS, WATCH, entry_of, forged, spoiled_block};

/// Messages at most for each seed.
const MESSAGES: u64 = 4;
/// Numbers of messages that the contract has, and a few more.
const NUMBERS: u64 = 12;

/// Sends what comes of the seed, until it is answered as if it were right, or refused.
pub(crate) fn run(seed: &str, client: Client<Asking>, port: &Port<Quiz>) {
    let mut random = Random::new(seed.parse().expect("a seed is a number"));
    let line = Line::of(client);
    for _ in 0..=random.below(MESSAGES) {
        let number = number(&mut random);
        let (chain, length) = chain(number, &mut random, &line, port);
        let slot = line.put(number, chain);
        let ring = &line.channel.rings[Side::Server as usize];
        let room = ring.stride as usize - size_of::<Label>();
        // SAFETY: there is none: it attacks.
        let body = unsafe { core::slice::from_raw_parts_mut(slot, room) };
        fill(number, body, length, &mut random);
        meddle(&line, &mut random);
        line.send();
        // Nothing comes if the kernel found nothing to send.
        line.wait_until(rt::clock::now().as_nanos() as u64 + 50_000_000);
        if line.is_closed() {
            break;
        }
        // Mostly the answer is received, as it should be.
        if random.below(8) > 0 {
            let answers = Side::Client as usize;
            let head = line.channel.heads[answers].count.load(Relaxed);
            line.channel.tails[answers].count.store(head, Relaxed);
        }
    }
}

/// Mostly one that may be sent.
fn number(random: &mut Random) -> u16 {
    match random.below(8) {
        0 => random.below(NUMBERS) as u16,
        1 => random.below(1 << 16) as u16,
        _ => [ASK, ASK, LEND, PASS, WATCH][random.below(5) as usize],
    }
}

/// A body: of a good question or of a block of so many elements, with a few bytes that are anything, or anything at all.
fn fill(number: u16, body: &mut [u8], length: u64, random: &mut Random) {
    body.fill(0);
    if random.below(8) == 0 {
        body.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
    } else if number == ASK {
        let question = Question::random(random);
        // SAFETY: there is none: it attacks. A slot has room for it.
        unsafe { body.as_mut_ptr().cast::<Question>().write(question) };
    } else if number == LEND || number == WATCH {
        // Behind the block's address, which nobody reads.
        body[8..16].copy_from_slice(&length.to_le_bytes());
    }
    for _ in 0..random.below(3) {
        let place = random.below(body.len() as u64) as usize;
        body[place] = [0, 1, 2, 0x7f, 0x80, 0xff, random.below(256) as u8][random.below(7) as usize];
    }
}

/// What the message carries: what it should, or not; and of how many elements it says that it is.
fn chain(number: u16, random: &mut Random, line: &Line, port: &Port<Quiz>) -> (*const Tracked, u64) {
    let right = match number {
        LEND => 1,
        WATCH => 2,
        PASS => 3,
        _ => 0,
    };
    let kind = if random.below(4) == 0 { random.below(11) } else { right };
    let count = random.below(200);
    let chain = match kind {
        0 => ptr::null(),
        1 => {
            let question = Question::random(random);
            entry_of(ExBox::from_fn(count as usize, |_| question).expect("memory"))
        }
        2 => entry_of(ExBox::from_fn(count as usize, |_| 5u64).expect("memory")),
        3 => match port.connect() {
            Some(client) => &raw const Line::of(client).end.tracked,
            None => ptr::null(),
        },
        4 => entry_of(spoiled_block()),
        // Of a length that no number of elements has.
        5 => entry_of(ExBox::<[u8]>::zeroed(count as usize * 41).expect("memory")),
        6 => &raw const line.end.tracked,
        7 => {
            let entry = forged();
            let handle = random.below(40) | random.below(3) << 32;
            entry.capacity.store(handle as usize, Relaxed);
            &raw const entry.tracked
        }
        // Two things, in either order.
        8 => {
            let first = entry_of(ExBox::from_fn(10, |_| 5u64).expect("memory"));
            let second = entry_of(ExBox::from_fn(10, |_| 5u64).expect("memory"));
            // SAFETY: there is none: it attacks.
            unsafe { &*first }.next.store(second.cast_mut(), Relaxed);
            first
        }
        9 => ptr::without_provenance(random.below(u64::MAX) as usize),
        _ => ptr::without_provenance((0xffff_d000_0000_0000 + random.below(1 << 20) * 8) as usize),
    };
    (chain, if kind == 4 { 100 } else { count })
}

/// Sometimes it writes into the shadow what does not belong there.
fn meddle(line: &Line, random: &mut Random) {
    let side = random.below(2) as usize;
    let value = [0, 1, u64::MAX, random.below(100), random.below(u64::MAX)][random.below(5) as usize];
    match random.below(40) {
        0 => line.channel.state.store(random.below(10) as u32, Relaxed),
        1 => line.channel.heads[side].count.store(value, Relaxed),
        2 => line.channel.tails[side].count.store(value, Relaxed),
        3 => line.channel.tails[side].credit.store(value, Relaxed),
        4 => line.channel.heads[side].credit.store(value, Relaxed),
        5 => line.channel.ends[side].notify.store(value as usize, Relaxed),
        6 => line.channel.ends[side].key.store(value as usize, Relaxed),
        7 => line.channel.ends[side].closed.store(value as u32, Relaxed),
        8 => line.channel.ends[side].ready.store(value as u32, Relaxed),
        _ => {}
    }
}
