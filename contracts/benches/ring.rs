//! What a message costs on the host: the typed layer against the raw ring, and the ring against rtrb.
//!
//! `cargo bench -p contracts`. An iteration is one round trip of a number in one thread, or one batch of numbers and its
//! acknowledgement between two. The numbers are a report; no test rests on them.
//!
//! `typed` and `port` wake a receiver that sleeps, which on a host takes a full fence for each message. A bare ring knows
//! no sleepers: `ring` is what compares to `rtrb`.

use std::cell::Cell;
use std::hint::{black_box, spin_loop};
use std::thread;
use std::time::Instant;

use contracts::port::RawEnd;
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Contract, Endpoint, Side};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

/// Messages of a batch.
const BATCH: u64 = 64;
const PING: u16 = 0;
const PONG: u16 = 1;

type Client = ping_pong::Client<ping_pong::Idle>;
type Server = ping_pong::Server<ping_pong::Idle>;

#[inline(always)]
fn typed_round_trip(client: Client, server: Server, value: u64) -> (u64, Client, Server) {
    let waiting = client.ping(value);
    let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() else {
        unreachable!("it was sent")
    };
    let server = next.pong(value);
    let Ok(ping_pong::ClientWaiting::Pong { value, next }) = waiting.receive() else {
        unreachable!("it was sent")
    };
    (value, next, server)
}

/// How the raw port sends.
trait Send {
    /// # Safety
    ///
    /// As [`RawEnd::send`], for contract [`PingPong`].
    unsafe fn send(end: &mut RawEnd, side: Side, message: u16, value: u64);
}

struct Waking;

impl Send for Waking {
    #[inline(always)]
    unsafe fn send(end: &mut RawEnd, side: Side, message: u16, value: u64) {
        // SAFETY: passed on to the caller.
        unsafe { end.send::<PingPong, u64>(side, message, 1 - message, value) }
    }
}

struct Silent;

impl Send for Silent {
    #[inline(always)]
    unsafe fn send(end: &mut RawEnd, side: Side, message: u16, value: u64) {
        // SAFETY: passed on to the caller.
        unsafe { end.publish::<PingPong, u64>(side, message, 1 - message, value) }
    }
}

/// # Safety
///
/// The ends are those of one channel of [`PingPong`] in its start state.
#[inline(always)]
unsafe fn raw_round_trip<S: Send>(client: &mut RawEnd, server: &mut RawEnd, value: u64) -> u64 {
    // SAFETY: every message is sent in its state and received before the next is sent.
    unsafe {
        S::send(client, Side::Client, PING, value);
        let Ok(Some(PING)) = server.poll_message::<PingPong>(Side::Server) else {
            unreachable!("it was sent")
        };
        let value = server.take::<PingPong, u64>(Side::Server);
        S::send(server, Side::Server, PONG, value);
        let Ok(Some(PONG)) = client.poll_message::<PingPong>(Side::Client) else {
            unreachable!("it was sent")
        };
        client.take::<PingPong, u64>(Side::Client)
    }
}

fn one_thread(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one thread, round trip");
    group.bench_function("typed", |bencher| {
        let mut ends = PingPong::channel().ok();
        bencher.iter_custom(|rounds| {
            let (mut client, mut server) = ends.take().expect("they come back");
            let start = Instant::now();
            for _ in 0..rounds {
                let value;
                (value, client, server) = typed_round_trip(client, server, black_box(7));
                black_box(value);
            }
            let time = start.elapsed();
            ends = Some((client, server));
            time
        });
    });
    raw::<Waking>(&mut group, "port");
    raw::<Silent>(&mut group, "ring");
    group.bench_function("rtrb", |bencher| {
        let (mut to_server, mut at_server) = rtrb::RingBuffer::<(u32, u64)>::new(1);
        let (mut to_client, mut at_client) = rtrb::RingBuffer::<(u32, u64)>::new(1);
        bencher.iter_custom(|rounds| {
            let start = Instant::now();
            for _ in 0..rounds {
                to_server.push((u32::from(PING), black_box(7))).expect("it is empty");
                let (message, value) = at_server.pop().expect("it was pushed");
                assert_eq!(message, u32::from(PING));
                to_client.push((u32::from(PONG), value)).expect("it is empty");
                let (message, value) = at_client.pop().expect("it was pushed");
                assert_eq!(message, u32::from(PONG));
                black_box(value);
            }
            start.elapsed()
        });
    });
    group.finish();
}

fn raw<S: Send>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    group.bench_function(name, |bencher| {
        let (client, server) = PingPong::channel().expect("memory for a channel");
        let (mut client, mut server) = (client.into_raw(), server.into_raw());
        bencher.iter_custom(|rounds| {
            let start = Instant::now();
            for _ in 0..rounds {
                // SAFETY: they are the ends of one channel, and every round trip leaves it in its start state.
                black_box(unsafe { raw_round_trip::<S>(&mut client, &mut server, black_box(7)) });
            }
            start.elapsed()
        });
    });
}

/// [`BATCH`] numbers, and the word that they have come.
#[derive(Contract)]
#[contract(start = S0)]
pub enum Batch {
    /// The next.
    #[client(S0 => S1, S1 => S2, S2 => S3, S3 => S4, S4 => S5, S5 => S6, S6 => S7, S7 => S8, S8 => S9, S9 => S10, S10 => S11, S11 => S12, S12 => S13, S13 => S14, S14 => S15, S15 => S16, S16 => S17, S17 => S18, S18 => S19, S19 => S20, S20 => S21, S21 => S22, S22 => S23, S23 => S24, S24 => S25, S25 => S26, S26 => S27, S27 => S28, S28 => S29, S29 => S30, S30 => S31, S31 => S32, S32 => S33, S33 => S34, S34 => S35, S35 => S36, S36 => S37, S37 => S38, S38 => S39, S39 => S40, S40 => S41, S41 => S42, S42 => S43, S43 => S44, S44 => S45, S45 => S46, S46 => S47, S47 => S48, S48 => S49, S49 => S50, S50 => S51, S51 => S52, S52 => S53, S53 => S54, S54 => S55, S55 => S56, S56 => S57, S57 => S58, S58 => S59, S59 => S60, S60 => S61, S61 => S62, S62 => S63, S63 => S64)]
    Item {
        /// A number.
        value: u64,
    },
    /// All have come.
    #[server(S64 => S0)]
    Done,
}

const ITEM: u16 = 0;
const DONE: u16 = 1;

/// What two threads measure together.
trait Pair {
    type Sender: std::marker::Send + 'static;
    type Receiver;
    fn new() -> (Self::Sender, Self::Receiver);
    /// Sends a batch and waits until it has been received.
    fn send(sender: &mut Self::Sender);
    /// Receives a batch and says so; returns the sum of its numbers.
    fn receive(receiver: &mut Self::Receiver) -> u64;
}

/// Between two looks. A machine with other things to do must not wait for the end of a time slice.
#[inline(always)]
fn pause() {
    const LOOKS: u32 = 200;
    thread_local!(static LEFT: Cell<u32> = const { Cell::new(LOOKS) });
    spin_loop();
    LEFT.with(|left| match left.get() {
        0 => {
            left.set(LOOKS);
            thread::yield_now();
        }
        looks => left.set(looks - 1),
    });
}

struct Ring;

impl Pair for Ring {
    type Sender = RawEnd;
    type Receiver = RawEnd;

    fn new() -> (RawEnd, RawEnd) {
        let (client, server) = Batch::channel().expect("memory for a channel");
        (client.into_raw(), server.into_raw())
    }

    #[inline(always)]
    fn send(end: &mut RawEnd) {
        for value in 0..BATCH {
            // SAFETY: the batch before has been received, so the ring has room for all of this one.
            unsafe { end.publish::<Batch, u64>(Side::Client, ITEM, 0, value) };
        }
        // SAFETY: after a batch the client receives.
        while !matches!(unsafe { end.poll_message::<Batch>(Side::Client) }, Ok(Some(DONE))) {
            pause();
        }
        // SAFETY: the message was just found.
        unsafe { end.take::<Batch, ()>(Side::Client) }
    }

    #[inline(always)]
    fn receive(end: &mut RawEnd) -> u64 {
        let mut sum = 0;
        for _ in 0..BATCH {
            // SAFETY: before `Done` the server receives.
            while !matches!(unsafe { end.poll_message::<Batch>(Side::Server) }, Ok(Some(ITEM))) {
                pause();
            }
            // SAFETY: the message was just found.
            sum += unsafe { end.take::<Batch, u64>(Side::Server) };
        }
        // SAFETY: after a batch the server sends.
        unsafe { end.publish::<Batch, ()>(Side::Server, DONE, 0, ()) };
        sum
    }
}

struct Rtrb;

impl Pair for Rtrb {
    type Sender = (rtrb::Producer<(u32, u64)>, rtrb::Consumer<u32>);
    type Receiver = (rtrb::Consumer<(u32, u64)>, rtrb::Producer<u32>);

    fn new() -> (Self::Sender, Self::Receiver) {
        let (items, at_server) = rtrb::RingBuffer::new(BATCH as usize);
        let (done, at_client) = rtrb::RingBuffer::new(1);
        ((items, at_client), (at_server, done))
    }

    #[inline(always)]
    fn send((items, done): &mut Self::Sender) {
        for value in 0..BATCH {
            items.push((u32::from(ITEM), value)).expect("the batch before has been received");
        }
        while done.pop().is_err() {
            pause();
        }
    }

    #[inline(always)]
    fn receive((items, done): &mut Self::Receiver) -> u64 {
        let mut sum = 0;
        for _ in 0..BATCH {
            let (_, value) = loop {
                match items.pop() {
                    Ok(item) => break item,
                    Err(_) => pause(),
                }
            };
            sum += value;
        }
        done.push(u32::from(DONE)).expect("the batch before has been acknowledged");
        sum
    }
}

fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("two threads, batch and acknowledgement");
    group.throughput(Throughput::Elements(BATCH));
    stream::<Ring>(&mut group, "ring");
    stream::<Rtrb>(&mut group, "rtrb");
    group.finish();
}

fn stream<P: Pair>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|batches| {
            let (mut sender, mut receiver) = P::new();
            let sending = thread::spawn(move || {
                // The first is not measured: it is there to start together.
                (0..=batches).for_each(|_| P::send(&mut sender));
                sender
            });
            black_box(P::receive(&mut receiver));
            let start = Instant::now();
            (0..batches).for_each(|_| assert_eq!(P::receive(&mut receiver), BATCH * (BATCH - 1) / 2));
            let time = start.elapsed();
            drop(sending.join());
            time
        });
    });
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
