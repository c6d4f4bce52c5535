//! Messages under attack: what is in a shadow's ring need not be what a program would have put there.

use core::mem::{offset_of, size_of};
use core::sync::atomic::Ordering::Relaxed;

use contracts::abi::{
    BlockEntry, CLOSED, Channel, ChannelRequest, End, Label, NOTIFY_SET, SHADOW, Set, TRACKED_BLOCK, Tracked,
};
use contracts::channel::Shape;
use contracts::exbox::Content;
use contracts::{Contract, Endpoint, ExBox, Side};
use trial::quiz::quiz::{self, Asking};
use trial::quiz::{Question, Quiz, quiz::Client};
use trial::random::Random;

use crate::{REFUSED, ask, kernel};

/// A client's end and its channel, as the domain has them.
pub(crate) struct Line {
    pub(crate) end: &'static End,
    pub(crate) channel: &'static Channel,
}

impl Line {
    pub(crate) fn of(client: Client<Asking>) -> Line {
        // SAFETY: there is none: it attacks. An endpoint is the address of an end.
        let end: &'static End = unsafe { core::mem::transmute_copy(&client) };
        core::mem::forget(client);
        // SAFETY: as above.
        Line { end, channel: unsafe { end.channel() } }
    }

    /// The endpoint, once more.
    pub(crate) fn client(&self) -> Client<Asking> {
        // SAFETY: as above.
        unsafe { core::mem::transmute_copy(&self.end) }
    }

    /// Waits until something is there that was not.
    pub(crate) fn wait(&self) {
        self.wait_until(u64::MAX);
    }

    /// As [`Line::wait`], until the clock shows at least `deadline`.
    pub(crate) fn wait_until(&self, deadline: u64) {
        ask(kernel().gate_wait as usize, self.handle(), deadline);
    }

    /// Whether the peer has closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.channel.end(Side::Server).closed.load(Relaxed) & CLOSED != 0
    }

    pub(crate) fn handle(&self) -> u64 {
        self.channel.id & !SHADOW
    }

    /// Puts a message into the ring towards the server: number, body and chain. Returns where its body is.
    pub(crate) fn put(&self, message: u16, chain: *const Tracked) -> *mut u8 {
        let ring = &self.channel.rings[Side::Server as usize];
        let head = &self.channel.heads[Side::Server as usize].count;
        let slot = ring.slot(self.channel, head.load(Relaxed));
        // SAFETY: as above.
        unsafe { (*ring.label(slot)).write(message, chain) };
        head.store(head.load(Relaxed) + 1, Relaxed);
        let next = match message {
            LEND => <Client<quiz::Lending> as Endpoint>::STATE,
            PASS => <Client<quiz::Passing> as Endpoint>::STATE,
            WATCH => <Client<quiz::Watching> as Endpoint>::STATE,
            _ => <Client<quiz::Answering> as Endpoint>::STATE,
        };
        self.channel.state.store(next.into(), Relaxed);
        slot
    }

    /// Puts a question there.
    pub(crate) fn ask(&self) -> *mut Question {
        let slot = self.put(ASK, core::ptr::null()).cast::<Question>();
        let mut question = Question::random(&mut Random::new(5));
        question.name = contracts::Text::truncated("why");
        // SAFETY: as above.
        unsafe { slot.write(question) };
        slot
    }

    pub(crate) fn send(&self) -> u64 {
        ask(kernel().gate_send as usize, self.handle(), 0)
    }

    /// Asks, and looks whether the answer is listed in a set that the end has not joined, whatever its shadow says.
    pub(crate) fn is_answered_outside_of(&self, set: &Set) {
        const AT_ONCE: u64 = 1;
        self.end.notify.store(core::ptr::from_ref(set) as usize | NOTIFY_SET, Relaxed);
        self.ask();
        self.send();
        (0..100).for_each(|_| rt::thread::yield_now());
        ask(kernel().gate_wait as usize, set.id & !SHADOW, AT_ONCE);
        assert!(set.ready.load(Relaxed).is_null(), "nobody has joined it");
        self.wait();
        let [heads, tails] = [&self.channel.heads, &self.channel.tails];
        let client = Side::Client as usize;
        assert_ne!(
            heads[client].count.load(Relaxed),
            tails[client].count.load(Relaxed),
            "there is an answer"
        );
    }
}

/// The messages in the order of the contract.
pub(crate) const ASK: u16 = 0;
const ANSWER: u16 = 1;
pub(crate) const LEND: u16 = 2;
pub(crate) const PASS: u16 = 4;
pub(crate) const WATCH: u16 = 6;

/// Writes a byte at a place of a question.
fn spoil(question: *mut Question, offset: usize, byte: u8) {
    // SAFETY: there is none: it attacks.
    unsafe { question.cast::<u8>().add(offset).write(byte) }
}

/// Sends what its receiver, or the kernel, is to refuse, and waits for what comes of it.
pub(crate) fn break_contract(client: Client<Asking>, how: &str) {
    let line = Line::of(client);
    match how {
        "forged-channel" => pass_forged(line.client()),
        "restless" => {
            let (own, _server) = Quiz::channel().expect("memory");
            let own = Line::of(own);
            own.ask();
            own.send();
            core::mem::forget(line.client().pass(own.client()));
            line.send();
        }
        "to-nobody" => {
            let (own, server) = Quiz::channel().expect("memory");
            core::mem::forget(line.client().pass(own));
            line.send();
            answer(server);
        }
        "block-content" => core::mem::forget(line.client().lend(spoiled_block())),
        "two-in-a-row" => {
            line.ask();
            line.send();
            // The answer is there by then, and not received.
            (0..100).for_each(|_| rt::thread::yield_now());
            line.ask();
            line.send();
        }
        _ => {
            attack(&line, how);
            line.send();
        }
    }
    line.wait();
    assert!(line.is_closed(), "it was answered");
}

/// Sends an answer to what nobody has asked.
fn answer(server: quiz::Server<Asking>) {
    // SAFETY: there is none: it attacks. An endpoint is the address of an end.
    let end: &'static End = unsafe { core::mem::transmute_copy(&server) };
    core::mem::forget(server);
    // SAFETY: as above.
    let channel = unsafe { end.channel() };
    let ring = &channel.rings[Side::Client as usize];
    let head = &channel.heads[Side::Client as usize].count;
    let count = head.load(Relaxed);
    // SAFETY: as above.
    unsafe { (*ring.label(ring.slot(channel, count))).write(ANSWER, core::ptr::null()) };
    head.store(count + 1, Relaxed);
    ask(kernel().gate_send as usize, channel.id & !SHADOW, 0);
}

pub(crate) fn spoiled_block() -> ExBox<[Question]> {
    let question = Question::random(&mut Random::new(6));
    let mut block = ExBox::from_fn(100, |_| question).expect("memory");
    spoil(&raw mut block[77], offset_of!(Question, kind), 9);
    block
}

fn attack(line: &Line, how: &str) {
    match how {
        "unknown" => _ = line.put(77, core::ptr::null()),
        // What the other side says.
        "answer" => _ = line.put(ANSWER, core::ptr::null()),
        "bool" => spoil(line.ask(), offset_of!(Question, flag), 2),
        "enum" => spoil(line.ask(), offset_of!(Question, kind), 3),
        "char" => spoil(line.ask(), offset_of!(Question, letter) + 3, 0xff),
        "text" => spoil(line.ask(), offset_of!(Question, name) + 4, 0xff),
        "long-text" => spoil(line.ask(), offset_of!(Question, name) + 2, 1),
        "state" => {
            line.ask();
            line.channel.state.store(0, Relaxed);
        }
        "flood" => (0..1000).for_each(|_| _ = line.ask()),
        // No handle at all where one is needed.
        "no-block" => _ = line.put(LEND, core::ptr::null()),
        "no-endpoint" => _ = line.put(PASS, core::ptr::null()),
        // A chain that leads into the kernel, to itself, or nowhere.
        "kernel-chain" => _ = line.put(LEND, 0xffff_d000_0000_0000 as *const Tracked),
        "null-chain" => _ = line.put(LEND, core::ptr::dangling()),
        "own-end" => _ = line.put(PASS, &line.end.tracked),
        "forged" => {
            let entry = forged();
            entry.capacity.store(line.handle() as usize + 1, Relaxed);
            line.put(LEND, &entry.tracked);
        }
        "circle" => {
            let entry = forged();
            entry.tracked.next.store(core::ptr::from_ref(&entry.tracked).cast_mut(), Relaxed);
            line.put(LEND, &entry.tracked);
        }
        // A block for an endpoint.
        "kind" => {
            let block = ExBox::new(7u64).expect("memory");
            line.put(PASS, entry_of(block));
        }
        _ => {}
    }
}

/// Where a block's entry is.
pub(crate) fn entry_of<T: Content + ?Sized>(block: ExBox<T>) -> *const Tracked {
    // The handle's last word leads to it.
    let words = size_of::<ExBox<T>>() / size_of::<usize>();
    // SAFETY: there is none: it attacks.
    let entry = unsafe { (&raw const block).cast::<*const Tracked>().add(words - 1).read() };
    core::mem::forget(block);
    entry
}

/// An entry that the kernel never made.
pub(crate) fn forged() -> &'static BlockEntry {
    // SAFETY: zeros are one.
    let entry: BlockEntry = unsafe { core::mem::zeroed() };
    entry.tracked.kind.store(TRACKED_BLOCK, Relaxed);
    alloc::boxed::Box::leak(alloc::boxed::Box::new(entry))
}

/// Asks while it rounds upwards.
pub(crate) fn ask_rounding_upwards(client: Client<Asking>) {
    const UPWARDS: u32 = 0x5f80;
    let mxcsr = UPWARDS;
    // SAFETY: there is none: it attacks.
    unsafe { core::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mxcsr) };
    let answer = client.ask(Question::random(&mut Random::new(6))).receive();
    assert!(answer.is_ok(), "the oracle answers");
}

/// Closes an end in whose shadow there are messages, it says, each of which carries the end itself.
pub(crate) fn close_what_carries_itself() {
    let (client, server) = Quiz::channel().expect("memory");
    drop(server);
    let line = Line::of(client);
    let ring = &line.channel.rings[Side::Client as usize];
    for slot in 0..=u64::from(ring.mask) {
        // SAFETY: there is none: it attacks.
        unsafe { (*ring.label(ring.slot(line.channel, slot))).write(ANSWER, &raw const line.end.tracked) };
    }
    let tail = &line.channel.tails[Side::Client as usize].count;
    tail.store(tail.load(Relaxed).wrapping_sub(u64::from(ring.mask) + 1), Relaxed);
    let closed = ask(kernel().end_close as usize, core::ptr::from_ref(line.end) as u64, 0);
    assert_eq!(closed, 0, "it was closed, once");
}

/// Closes a set that has a member, and looks whether another in its place has it.
pub(crate) fn close_a_set_with_a_member(client: Client<Asking>) {
    let line = Line::of(client);
    let create = || {
        let set = ask(kernel().set_create as usize, 0, 0) as *const Set;
        // SAFETY: there is none: it attacks.
        unsafe { &*set }
    };
    let first = create();
    ask(kernel().gate_join as usize, first.id & !SHADOW, line.handle());
    ask(kernel().set_close as usize, core::ptr::from_ref(first) as u64, 0);
    line.is_answered_outside_of(create());
}

/// Passes on an end of a channel that says it is of a contract, and has no room for its messages.
fn pass_forged(client: Client<Asking>) {
    static REQUEST: ChannelRequest = ChannelRequest {
        shape: Shape { body: [8, 8], ..<Quiz as Contract>::SHAPE },
        contract: "Quiz",
        states: &[],
    };
    let channel = (kernel().channel_create)(&REQUEST);
    // SAFETY: there is none: it attacks.
    let end = unsafe { &*channel }.end(Side::Client);
    // SAFETY: as above.
    core::mem::forget(client.pass(unsafe { core::mem::transmute_copy(&end) }));
}

/// Looks for what others have left behind the messages that it receives.
pub(crate) fn look_for_leftovers(client: Client<Asking>, port: rt::reconnect::Port<trial::quiz::Quiz>) {
    let mut question = Question::random(&mut Random::new(5));
    question.name = contracts::Text::truncated("a secret of forty bytes, or not quite so");
    let answering = client.ask(question);
    // That fills a slot of a channel whose memory the next one has.
    drop(answering.receive());
    (0..100).for_each(|_| rt::thread::yield_now());
    let (client, passed) = (port.connect().expect("the oracle is there"), port.connect().expect("as above"));
    let line = Line::of(client);
    let Ok(quiz::ClientPassing::Passed { .. }) = line.client().pass(passed).receive() else {
        panic!("it comes back")
    };
    let ring = &line.channel.rings[Side::Client as usize];
    let (slot, room) = (ring.slot(line.channel, 0), ring.stride as usize - size_of::<Label>());
    let body = size_of::<Client<Asking>>();
    // SAFETY: as above.
    let behind = unsafe { core::slice::from_raw_parts(slot.add(body), room - body) };
    assert!(room > body + 40 && behind.iter().all(|byte| *byte == 0), "{behind:?}");
}

/// Uses every handle but its own, and its own when it is closed.
pub(crate) fn forge(client: Client<Asking>) {
    let line = Line::of(client);
    let own = line.handle();
    let all = |handle: u64| {
        [
            ask(kernel().gate_send as usize, handle, 0),
            ask(kernel().gate_wait as usize, handle, 0),
            ask(kernel().gate_join as usize, own, handle),
        ]
    };
    // The first is the thread's own, of its selections.
    let others = (3..200).chain([0, 1 << 32, own | 1 << 32, own | 1 << 63, u64::MAX, u64::MAX - 1]);
    for handle in others.filter(|handle| *handle != own) {
        assert_eq!(all(handle), [REFUSED; 3], "handle {handle:#x}");
    }
    let end = core::ptr::from_ref(line.end) as u64;
    assert_eq!(ask(kernel().end_close as usize, end, 0), 0);
    assert_eq!(all(own), [REFUSED; 3], "it was given back");
    // What comes in its place has another.
    let set = ask(kernel().set_create as usize, 0, 0);
    assert_eq!(all(own), [REFUSED; 3], "its place is somebody else's");
    assert_eq!(ask(kernel().set_close as usize, set, 0), 0);
}

const _: () = assert!(size_of::<Client<Asking>>() == size_of::<&End>() && size_of::<Label>() == 8);
