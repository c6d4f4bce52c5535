//! Several threads at once: one does what the other relies on not being done.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};

use contracts::abi::{SHADOW, Set};
use contracts::{ExBox, Instant};
use rt::reconnect::Port;
use trial::quiz::quiz::{Asking, Client};
use trial::quiz::{Question, Quiz};
use trial::random::Random;

use crate::messages::{Line, PASS};
use crate::{REFUSED, ask, kernel};

/// Writes to a block that it has sent: before the kernel has been told, which changes what is sent, and after.
pub(crate) fn write_after_send(client: Client<Asking>) {
    let question = Question::random(&mut Random::new(6));
    let block = ExBox::from_fn(100, |_| question).expect("memory");
    let address = block.address();
    let next = client.lend(block);
    for _ in 0..2 {
        // SAFETY: there is none: it attacks.
        unsafe { (address as *mut u64).write_volatile(1) };
        rt::thread::yield_now();
    }
    drop(next);
}

/// Reads a block that it has sent: before the kernel has been told, and after.
pub(crate) fn read_after_send(client: Client<Asking>) {
    let block = ExBox::from_fn(1000, |index| index as u64).expect("memory");
    let address = block.address();
    let next = client.watch(block);
    for _ in 0..2 {
        // SAFETY: there is none: it attacks.
        unsafe { (address as *const u64).read_volatile() };
        rt::thread::yield_now();
    }
    drop(next);
}

static ROUNDS: AtomicU64 = AtomicU64::new(0);

/// Has another thread write to a block before it is sent, while it is, and while its receiver reads it.
pub(crate) fn write_while_it_is_read(client: Client<Asking>) {
    let block = ExBox::from_fn(1000, |index| index as u64).expect("memory");
    let address = block.address();
    let write = move || {
        loop {
            let round = ROUNDS.fetch_add(1, Relaxed);
            // SAFETY: there is none: it attacks.
            unsafe { (address as *mut u64).add(round as usize % 1000).write_volatile(round) };
        }
    };
    rt::thread::spawn(write).expect("there is another thread");
    while ROUNDS.load(Relaxed) < 1000 {
        rt::thread::yield_now();
    }
    drop(client.watch(block).receive());
    // The other one has ended this domain by now.
    (0..1000).for_each(|_| rt::thread::yield_now());
}

/// The set of the running thread's selections.
fn selection() -> &'static Set {
    // SAFETY: there is none: it attacks.
    unsafe { &(*contracts::binding::bare::this_core().current.load(Relaxed)).selection }
}

static DONE: AtomicU32 = AtomicU32::new(0);

/// Has a thread end whose selections an end is a member of, and looks whether those of another, in its place, have it.
pub(crate) fn end_with_a_member(client: Client<Asking>) {
    let line = Line::of(client);
    let join = {
        let end = line.handle();
        move || _ = ask(kernel().gate_join as usize, selection().id & !SHADOW, end)
    };
    rt::thread::spawn(join).expect("there is another thread");
    // It ends, and all of it is given back.
    (0..100).for_each(|_| rt::thread::yield_now());
    let look = move || {
        line.is_answered_outside_of(selection());
        DONE.store(1, Relaxed);
    };
    rt::thread::spawn(look).expect("there is another thread");
    while DONE.load(Relaxed) == 0 {
        rt::thread::yield_now();
    }
}

static WAITING: AtomicU32 = AtomicU32::new(0);

/// Waits by a handle for good, or for a while.
fn wait_by(handle: u64) {
    WAITING.fetch_add(1, Relaxed);
    ask(kernel().gate_wait as usize, handle, u64::MAX);
}

/// Has other threads wait in the gate, by an end and by a set, and uses these itself, in each way that there is; then it
/// ends, while they are there.
pub(crate) fn use_what_others_wait_by(client: Client<Asking>, port: &Port<Quiz>, passes: bool) {
    let waited = Line::of(port.connect().expect("the oracle is there"));
    let line = Line::of(client);
    let set = ask(kernel().set_create as usize, 0, 0);
    // SAFETY: there is none: it attacks. A set's number is its handle.
    let set_handle = unsafe { &*(set as *const contracts::abi::Set) }.id & !contracts::abi::SHADOW;
    for handle in [waited.handle(), set_handle] {
        rt::thread::spawn(move || wait_by(handle)).expect("there is another thread");
    }
    while WAITING.load(Relaxed) < 2 {
        rt::thread::yield_now();
    }
    // Until they are in the gate.
    let soon = rt::clock::now().as_nanos() as u64 + 10_000_000;
    contracts::time::sleep_until(Instant::from_nanos(soon));
    let end = core::ptr::from_ref(waited.end) as u64;
    for (function, first, second) in [
        (kernel().end_close as usize, end, 0),
        (kernel().gate_send as usize, waited.handle(), 0),
        (kernel().gate_wait as usize, waited.handle(), 0),
        (kernel().gate_join as usize, set_handle, line.handle()),
        (kernel().gate_join as usize, set_handle, waited.handle()),
        (kernel().gate_wait as usize, set_handle, 0),
        (kernel().set_close as usize, set, 0),
    ] {
        assert_eq!(ask(function, first, second), REFUSED, "another thread waits by it");
    }
    // The sets of other threads' selections have handles, too.
    let own = [waited.handle(), line.handle(), set_handle];
    let usable = (1..60)
        .filter(|handle| !own.contains(handle) && ask(kernel().gate_wait as usize, *handle, 0) != REFUSED);
    assert_eq!(usable.count(), 1, "its own is usable, and nobody else's");
    if passes {
        line.put(PASS, &raw const waited.end.tracked);
        line.send();
    }
}
