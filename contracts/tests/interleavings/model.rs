//! The ring, the close protocol and the two ways of waiting, written over with loom's atomics: the steps and orderings of
//! `contracts::port` (send, poll, take), `contracts::channel` (close, drain) and `contracts::binding::host` (park, notify,
//! sets), each under its own name. What differs: a slot holds a number, addresses are indices, and a thread sleeps on a
//! condition variable.

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, AtomicUsize, fence};
use loom::sync::{Arc, Condvar, Mutex};

/// A mistake that one could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    /// The message is published with no ordering.
    RelaxedHead,
    /// The receiver is woken before the message is there.
    NotifyBeforePublish,
    /// The sender looks for a sleeper without a fence before.
    NoSenderFence,
    /// The sleeper looks again without a fence before.
    NoSleeperFence,
    /// A receiver looks whether the peer has closed after it looked at the ring.
    ClosedAfterHead,
    /// The peer may free the channel before it has been notified.
    CloseUnguarded,
    /// A new member of a set is not asked whether it has something already.
    JoinWithoutLook,
    /// An end is listed though it has left the set.
    ListWithoutMembership,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// Client and server.
pub(crate) const SIDES: [usize; 2] = [0, 1];
const SLOTS: usize = 2;
/// The notify word of a member of the set.
const IN_SET: usize = 1 << 8;

/// A thread that can sleep.
#[derive(Default)]
struct Waiter {
    woken: Mutex<bool>,
    bell: Condvar,
}

impl Waiter {
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.bell.notify_one();
    }
}

struct End {
    notify: AtomicUsize,
    ready: AtomicUsize,
    closed: AtomicUsize,
}

pub(crate) struct Channel {
    mistake: Mistake,
    heads: [AtomicUsize; 2],
    tails: [AtomicUsize; 2],
    slots: [[UnsafeCell<usize>; SLOTS]; 2],
    ends: [End; 2],
    closed_ends: AtomicUsize,
    /// Read by every step on the channel, written by what frees it: loom reports a step that comes too late.
    memory: UnsafeCell<()>,
    /// `CHANNEL_SIZES`.
    closing: Mutex<()>,
    /// What was drained, by whoever closed second.
    pub(crate) drained: Mutex<Option<usize>>,
    waiters: [Waiter; 2],
    pub(crate) set: Set,
}

/// One set, for the server's end.
#[derive(Default)]
pub(crate) struct Set {
    /// `MEMBERSHIP`.
    membership: Mutex<()>,
    waiter: AtomicUsize,
    /// A bit for each end that has something: the list.
    ready: AtomicUsize,
    sleeper: Waiter,
    left: AtomicBool,
}

fn end() -> End {
    End { notify: AtomicUsize::new(0), ready: AtomicUsize::new(0), closed: AtomicUsize::new(0) }
}

impl Channel {
    pub(crate) fn new(mistake: Mistake) -> Arc<Channel> {
        let zeros = || SIDES.map(|_| AtomicUsize::new(0));
        Arc::new(Channel {
            mistake,
            heads: zeros(),
            tails: zeros(),
            slots: SIDES.map(|_| [UnsafeCell::new(0), UnsafeCell::new(0)]),
            ends: SIDES.map(|_| end()),
            closed_ends: AtomicUsize::new(0),
            memory: UnsafeCell::new(()),
            closing: Mutex::new(()),
            drained: Mutex::new(None),
            waiters: Default::default(),
            set: Set::default(),
        })
    }

    fn made(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    fn fence_unless(&self, mistake: Mistake) {
        if !self.made(mistake) {
            fence(SeqCst);
        }
    }

    /// The memory is there.
    fn touch(&self) {
        self.memory.with(|_| ());
    }

    /// `RawEnd::send`.
    pub(crate) fn send(&self, side: usize, value: usize) {
        self.touch();
        let to = 1 - side;
        let count = self.heads[to].load(Relaxed);
        if self.made(Mistake::NotifyBeforePublish) {
            self.notify(to);
        }
        // SAFETY: loom checks that nobody else is at the slot.
        self.slots[to][count % SLOTS].with_mut(|slot| unsafe { *slot = value });
        self.heads[to].store(count + 1, if self.made(Mistake::RelaxedHead) { Relaxed } else { Release });
        if !self.made(Mistake::NotifyBeforePublish) {
            self.notify(to);
        }
    }

    /// `binding::notify`, of `end`.
    fn notify(&self, end: usize) {
        self.touch();
        self.fence_unless(Mistake::NoSenderFence);
        let word = self.ends[end].notify.load(SeqCst);
        if word == 0 {
            return;
        }
        if word != IN_SET {
            if self.ends[end].notify.compare_exchange(word, 0, SeqCst, SeqCst).is_ok() {
                self.waiters[word - 1].wake();
            }
            return;
        }
        {
            let _guard = self.set.membership.lock().unwrap();
            if !self.made(Mistake::ListWithoutMembership) && self.ends[end].notify.load(SeqCst) != word {
                return;
            }
            self.push_ready(end);
        }
        fence(SeqCst);
        if self.set.waiter.swap(0, SeqCst) != 0 {
            self.set.sleeper.wake();
        }
    }

    /// `RawEnd::poll_message` and `RawEnd::take`.
    pub(crate) fn poll(&self, side: usize) -> Result<Option<usize>, Closed> {
        self.touch();
        let tail = self.tails[side].load(Relaxed);
        let closed = || self.ends[1 - side].closed.load(Acquire) != 0;
        let early = closed();
        if self.heads[side].load(Acquire) == tail {
            let closed = if self.made(Mistake::ClosedAfterHead) { closed() } else { early };
            return if closed { Err(Closed) } else { Ok(None) };
        }
        // SAFETY: loom checks that nobody else is at the slot.
        let value = self.slots[side][tail % SLOTS].with_mut(|slot| unsafe { *slot });
        self.tails[side].store(tail + 1, Release);
        Ok(Some(value))
    }

    /// `End::has_news`.
    fn has_news(&self, side: usize) -> bool {
        self.touch();
        self.heads[side].load(Acquire) > self.tails[side].load(Acquire)
            || self.ends[1 - side].closed.load(Acquire) != 0
    }

    /// `RawEnd::wait_message` and `take`, by thread `me`.
    pub(crate) fn receive(&self, side: usize, me: usize) -> Result<usize, Closed> {
        loop {
            if let Some(value) = self.poll(side)? {
                return Ok(value);
            }
            self.park(&self.ends[side].notify, &self.waiters[me], me + 1, || self.has_news(side));
        }
    }

    /// `park`.
    fn park(&self, word: &AtomicUsize, waiter: &Waiter, named: usize, something_there: impl Fn() -> bool) {
        *waiter.woken.lock().unwrap() = false;
        word.store(named, SeqCst);
        self.fence_unless(Mistake::NoSleeperFence);
        if something_there() {
            word.store(0, SeqCst);
            return;
        }
        let mut woken = waiter.woken.lock().unwrap();
        while !*woken {
            woken = waiter.bell.wait(woken).unwrap();
        }
    }

    /// `close_end`, and `Channel::close` and `drain` in it.
    pub(crate) fn close(&self, side: usize) {
        self.touch();
        self.leave_set(side);
        let guard = (!self.made(Mistake::CloseUnguarded)).then(|| self.closing.lock().unwrap());
        self.ends[side].closed.store(1, Release);
        if self.closed_ends.fetch_add(1, AcqRel) == 0 {
            self.notify(1 - side);
            return;
        }
        drop(guard);
        let mut drained = 0;
        for to in SIDES {
            for count in self.tails[to].load(Acquire)..self.heads[to].load(Acquire) {
                // SAFETY: loom checks that nobody else is at the slot.
                drained += self.slots[to][count % SLOTS].with_mut(|slot| unsafe { *slot });
            }
        }
        self.memory.with_mut(|_| ());
        let earlier = self.drained.lock().unwrap().replace(drained);
        assert_eq!(earlier, None, "a channel is freed once");
    }

    /// `join_set`.
    pub(crate) fn join_set(&self, side: usize) {
        let _guard = self.set.membership.lock().unwrap();
        self.ends[side].notify.store(IN_SET, SeqCst);
        fence(SeqCst);
        if !self.made(Mistake::JoinWithoutLook) && self.has_news(side) {
            self.push_ready(side);
        }
    }

    /// `leave_set`.
    pub(crate) fn leave_set(&self, side: usize) {
        let _guard = self.set.membership.lock().unwrap();
        self.ends[side].ready.store(0, SeqCst);
        self.ends[side].notify.store(0, SeqCst);
    }

    /// Nobody lists the end in the set from now on.
    pub(crate) fn has_left(&self) {
        self.set.left.store(true, SeqCst);
    }

    fn push_ready(&self, end: usize) {
        assert!(!self.set.left.load(SeqCst), "an end that has left is in no list");
        if self.ends[end].ready.swap(1, SeqCst) == 0 {
            let listed = self.set.ready.load(SeqCst);
            self.set.ready.store(listed | 1 << end, SeqCst);
        }
    }

    /// `wait_set`: the ends that have something, a bit each.
    pub(crate) fn wait_set(&self) -> usize {
        loop {
            let first = {
                let _guard = self.set.membership.lock().unwrap();
                self.set.ready.swap(0, SeqCst)
            };
            if first != 0 {
                return first;
            }
            self.park(&self.set.waiter, &self.set.sleeper, 1, || self.set.ready.load(Acquire) != 0);
        }
    }
}
