//! What the wire form promises: every message comes back, bytes are accepted in one form only, and whatever else comes is
//! a violation.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use contracts::binding::host::{channels, ledger};
use contracts::spec;
use contracts::testing::{Random, made_up};
use contracts::wire::{
    self, DecodeError, Dynamic, Handle, HandleFault, Message, Monitor, Packet, ReceiveError, Unsent,
    ValueFault, Violation,
};
use contracts::{AnyEndpoint, Contract, ExBox, Exchange, Side, Text};
use proptest::prelude::*;

/// Of everything that may cross, one.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Everything {
    /// Numbers.
    #[client(Idle => Idle2)]
    Numbers {
        /// Each.
        a: u8,
        /// Each.
        b: i8,
        /// Each.
        c: u16,
        /// Each.
        d: i16,
        /// Each.
        e: u32,
        /// Each.
        f: i32,
        /// Each.
        g: u64,
        /// Each.
        h: i64,
        /// Each.
        i: u128,
        /// Each.
        j: i128,
        /// Each.
        k: f32,
        /// Each.
        l: f64,
    },
    /// What not all bytes are a value of.
    #[client(Idle2 => Idle3)]
    Checked {
        /// A truth.
        truth: bool,
        /// A character.
        letter: char,
        /// A text.
        text: Text<10>,
        /// A shape.
        shape: Shape,
        /// A row.
        row: [bool; 3],
        /// Nothing.
        nothing: (),
    },
    /// Blocks.
    #[server(Idle3 => Idle4)]
    Blocks {
        /// Of bytes.
        bytes: ExBox<[u8]>,
        /// One plain struct.
        point: ExBox<Point>,
        /// Many.
        points: ExBox<[Point]>,
        /// With padding.
        gaps: ExBox<[Gap]>,
        /// Of shapes.
        shapes: ExBox<[Shape]>,
        /// Of blocks.
        blocks: ExBox<[ExBox<u32>]>,
        /// Of nothing.
        nothing: ExBox<[()]>,
    },
    /// Endpoints.
    #[server(Idle4 => End)]
    Endpoints {
        /// Of this contract.
        own: everything::Client<everything::Idle2>,
        /// Of whatever contract.
        any: AnyEndpoint,
        /// In a block.
        many: ExBox<[everything::Server<everything::Idle3>]>,
    },
}

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq, Exchange, serde::Serialize)]
#[repr(C, u8)]
pub enum Shape {
    /// A dot.
    Dot,
    /// A circle.
    Circle {
        /// Its radius.
        radius: u32,
    },
    /// A box.
    Box(u16, bool),
}

/// A plain struct.
#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(C)]
pub struct Point {
    x: u32,
    y: u32,
}

/// A struct with padding.
#[derive(Clone, Copy, Debug, PartialEq, Exchange)]
#[repr(C)]
pub struct Gap {
    small: u8,
    large: u64,
}

/// The ledger is the whole process's: tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls a generic function for every stock contract, and for the one above.
macro_rules! for_each_contract {
    ($function:ident $arguments:tt) => {
        for_each_contract!(@ $function $arguments
            Everything, spec::archive::Archive, spec::archive::BootImage, spec::block_device::BlockDevice,
            spec::console::Console, spec::count::Count, spec::digest::Digest, spec::directory::Directory,
            spec::directory::Broker, spec::file::FileSystem, spec::file::File, spec::log::Log, spec::log::LogReader,
            spec::ping::PingPong, spec::ping::Pinger, spec::pipe::Pipe, spec::pipe::PipeWriter, spec::pipe::PipeReader,
            spec::probe::Probe, spec::serial::SerialInput, spec::serial::SerialOutput, spec::socket::Network,
            spec::socket::Listener, spec::socket::Outgoing, spec::socket::Incoming, spec::store::Store,
            spec::store::Cursor, spec::supervisor::Supervisor, spec::supervisor::Life, spec::system::System,
            spec::system::Ending, spec::timer::Timer, spec::timer::Alarm);
    };
    (@ $function:ident $arguments:tt $($contract:ty),*) => { $($function::<$contract> $arguments;)* };
}

/// The first step of a message: who sends it, from which state, to which.
fn step<C: Contract>(number: usize) -> (Side, u16, u16) {
    let message = &C::DESCRIPTION.messages[number];
    (message.sender, message.steps[0].0, message.steps[0].1)
}

fn numbers<C: Contract>() -> std::ops::Range<usize> {
    0..C::DESCRIPTION.messages.len()
}

fn copy(handle: &Handle) -> Handle {
    match handle {
        Handle::Block(block) => {
            let copy = ExBox::copy_of(block.bytes()).expect("memory");
            let packet = wire::encode(spec::serial::SerialInput::Read { buffer: copy }).expect("memory");
            packet.handles.into_iter().next().expect("one block")
        }
        Handle::Endpoint(_) => {
            let (client, _) = spec::ping::PingPong::channel().expect("memory");
            Handle::Endpoint(AnyEndpoint::new(client))
        }
    }
}

fn comes_back<C: Message>(seed: u64) {
    let mut random = Random::new(seed);
    for number in numbers::<C>() {
        let (from, state, to) = step::<C>(number);
        let message: C = made_up(number as u16, &mut random);
        let packet = wire::encode(message).expect("memory");
        assert!(packet.bytes.len() <= C::WIRE_BYTES[from.peer() as usize], "{} message {number}", C::NAME);
        let bytes = packet.bytes.clone();
        let (message, next) = wire::decode::<C>(from, state, packet)
            .unwrap_or_else(|error| panic!("{} message {number}: {error}", C::NAME));
        assert_eq!((usize::from(message.number()), next), (number, to));
        assert_eq!(wire::encode(message).expect("memory").bytes, bytes, "{} message {number}", C::NAME);
    }
}

/// Decodes a valid message after something was done to it. If it is still accepted, it was the one form of another.
fn mutated<C: Message>(seed: u64) {
    let mut random = Random::new(seed);
    let number = random.below(numbers::<C>().len());
    let (from, state, _) = step::<C>(number);
    let Packet { mut bytes, mut handles } =
        wire::encode(made_up::<C>(number as u16, &mut random)).expect("memory");
    let (place, byte) = (random.below(bytes.len()), random.bits() as u8);
    let mut must_fail = false;
    match random.below(7) {
        0 => bytes[place] = byte,
        1 => bytes[place] ^= 1 << (byte & 7),
        2 => {
            bytes.truncate(place);
            must_fail = true;
        }
        3 => {
            bytes.push(byte);
            must_fail = true;
        }
        4 => bytes.insert(place, byte),
        5 => must_fail = handles.pop().is_some(),
        _ => {
            if let Some(first) = handles.first() {
                handles.push(copy(first));
                must_fail = true;
            }
        }
    }
    let kept = bytes.clone();
    match wire::decode::<C>(from, state, Packet { bytes, handles }) {
        Ok(_) if must_fail => panic!("{} message {number} is accepted", C::NAME),
        Ok((message, _)) => assert_eq!(wire::encode(message).expect("memory").bytes, kept),
        Err(DecodeError::Violation(violation)) => assert!(!violation.to_string().is_empty()),
        Err(DecodeError::Exhausted) => {}
    }
}

fn arbitrary<C: Message>(bytes: &[u8], blocks: &[Vec<u8>]) {
    for number in numbers::<C>() {
        let (from, state, _) = step::<C>(number);
        for leading in [&[][..], &[number as u8][..]] {
            let bytes: Vec<u8> = leading.iter().chain(bytes).copied().collect();
            let handles = blocks.iter().map(|block| {
                let block = ExBox::copy_of(&block[..]).expect("memory");
                let packet = wire::encode(spec::serial::SerialInput::Read { buffer: block }).expect("memory");
                packet.handles.into_iter().next().expect("one block")
            });
            let packet = Packet { bytes: bytes.clone(), handles: handles.collect() };
            if let Ok((message, _)) = wire::decode::<C>(from, state, packet) {
                assert_eq!(wire::encode(message).expect("memory").bytes, bytes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_of_every_contract_comes_back_as_it_was(seed: u64) {
        let _turn = turn();
        for_each_contract!(comes_back(seed));
    }

    #[test]
    fn a_changed_message_is_refused_or_is_the_one_form_of_another(seed: u64) {
        let _turn = turn();
        for_each_contract!(mutated(seed));
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_are_the_one_form_of_a_message(
        bytes in proptest::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..40),
        blocks in proptest::collection::vec(proptest::collection::vec(0..4_u8, 0..40), 0..3),
    ) {
        let _turn = turn();
        for_each_contract!(arbitrary(&bytes, &blocks));
    }
}

#[test]
fn what_is_refused_or_dropped_leaves_no_block_and_no_channel_behind() {
    let _turn = turn();
    let before = (ledger().len(), channels());
    for seed in 0..200 {
        mutated::<Everything>(seed);
        comes_back::<Everything>(seed);
    }
    assert_eq!((ledger().len(), channels()), before);
}

fn allows_what_the_description_says<C: Message>() {
    let description = C::DESCRIPTION;
    let mut random = Random::new(0);
    for (state, _) in description.states.iter().enumerate() {
        for (number, message) in description.messages.iter().enumerate() {
            for from in [Side::Client, Side::Server] {
                let mut monitor = Monitor::<C>::at(state as u16).expect("it is a state");
                let next =
                    message.steps.iter().find(|step| usize::from(step.0) == state && from == message.sender);
                let sent: C = made_up(number as u16, &mut random);
                assert_eq!(monitor.step(from, &sent).ok(), next.map(|step| step.1));
                assert_eq!(monitor.state(), next.map_or(state as u16, |step| step.1));
                let accepted = Monitor::<C>::at(state as u16)
                    .expect("it is a state")
                    .accept(from, wire::encode(sent).expect("memory"));
                match (next, accepted) {
                    (Some(_), Ok(_)) => {}
                    // A side that sends nothing at all has no longest message.
                    (
                        None,
                        Err(DecodeError::Violation(
                            Violation::NotInThisState { .. } | Violation::TooLong { .. },
                        )),
                    ) => {}
                    (_, accepted) => panic!("{}: {:?}", C::NAME, accepted.map(|message| message.number())),
                }
            }
        }
    }
}

#[test]
fn a_monitor_accepts_exactly_the_messages_that_the_state_allows() {
    let _turn = turn();
    for_each_contract!(allows_what_the_description_says());
}

/// The messages of [`Everything`] as serde sees them.
#[derive(serde::Serialize)]
#[allow(dead_code, reason = "the positions of the variants count")]
enum Mirror {
    Numbers { a: u8, b: i8, c: u16, d: i16, e: u32, f: i32, g: u64, h: i64, i: u128, j: i128, k: f32, l: f64 },
    Checked { truth: bool, letter: char, text: &'static str, shape: Shape, row: [bool; 3], nothing: () },
}

#[test]
fn the_wire_form_is_what_postcard_writes() {
    let postcard = |mirror: &Mirror| postcard::to_allocvec(mirror).expect("it encodes");
    for (small, large) in [(0, 0), (1, -1), (-1, i128::MAX), (-128, i128::MIN), (127, -300), (5, 70_000)] {
        let (a, b, c, d) = (small as u8, small, large as u16, large as i16);
        let (e, f, g, h) = (large as u32, large as i32, large as u64, large as i64);
        let (i, j, k, l) = (large as u128, large, small.into(), large as f64);
        let message = Everything::Numbers { a, b, c, d, e, f, g, h, i, j, k, l };
        let mirror = Mirror::Numbers { a, b, c, d, e, f, g, h, i, j, k, l };
        assert_eq!(wire::encode(message).expect("memory").bytes, postcard(&mirror));
    }
    for (letter, shape) in
        [('a', Shape::Dot), ('€', Shape::Circle { radius: 300 }), ('\0', Shape::Box(7, true))]
    {
        let (truth, row, nothing) = (true, [false, true, true], ());
        let text = Text::new("Grüße").expect("it fits");
        let message = Everything::Checked { truth, letter, text, shape, row, nothing };
        let mirror = Mirror::Checked { truth, letter, text: "Grüße", shape, row, nothing };
        assert_eq!(wire::encode(message).expect("memory").bytes, postcard(&mirror));
    }
}

/// What decoding an [`Everything`] says.
fn violation(number: usize, packet: Packet) -> Violation {
    let (from, state, _) = step::<Everything>(number);
    match wire::decode::<Everything>(from, state, packet) {
        Err(DecodeError::Violation(violation)) => violation,
        other => panic!("{:?}", other.map(|(message, _)| message.number())),
    }
}

#[test]
fn each_fault_is_named_with_its_field() {
    let _turn = turn();
    let checked = |bytes: &[u8]| violation(1, Packet { bytes: bytes.to_vec(), handles: Vec::new() });
    let value = |field, fault| Violation::BadValue { field, fault };
    assert_eq!(checked(&[]), Violation::Truncated { field: "" });
    assert_eq!(checked(&[1]), Violation::Truncated { field: "truth" });
    assert_eq!(checked(&[9]), Violation::UnknownMessage { number: 9 });
    assert_eq!(checked(&[0]), Violation::NotInThisState { message: "Numbers", state: "Idle2" });
    assert_eq!(checked(&[2]), Violation::NotInThisState { message: "Blocks", state: "Idle2" });
    assert_eq!(checked(&[1, 2]), value("truth", ValueFault::Bool));
    assert_eq!(checked(&[1, 0, 0]), value("letter", ValueFault::Char));
    assert_eq!(checked(&[1, 0, 2, b'a', b'b']), value("letter", ValueFault::Char));
    assert_eq!(checked(&[1, 0, 1, b'a', 11]), value("text", ValueFault::Length));
    assert_eq!(checked(&[1, 0, 1, b'a', 1, 0xff]), value("text", ValueFault::Utf8));
    assert_eq!(checked(&[1, 0, 1, b'a', 0, 3]), value("shape", ValueFault::Variant));
    assert_eq!(checked(&[1, 0, 1, b'a', 0, 2, 0x80, 0x00]), value("0", ValueFault::Number));
    assert_eq!(checked(&[1, 0, 1, b'a', 0, 2, 0xff, 0xff, 4]), value("0", ValueFault::Number));
    assert_eq!(checked(&[1, 0, 1, b'a', 0, 0, 1, 1, 1, 7]), Violation::TrailingBytes { bytes: 1 });
    let limit = Everything::WIRE_BYTES[Side::Server as usize];
    assert_eq!(checked(&vec![1; limit + 1]), Violation::TooLong { bytes: limit + 1, limit });
}

/// The message `Blocks`, its handles in the order of its fields.
fn blocks() -> Packet {
    let point = Point { x: 1, y: 2 };
    let copy_of = |shapes: &[Shape]| ExBox::copy_of(shapes).expect("memory");
    let message = Everything::Blocks {
        bytes: ExBox::copy_of(&b"abc"[..]).expect("memory"),
        point: ExBox::new(point).expect("memory"),
        points: ExBox::copy_of(&[point, point][..]).expect("memory"),
        gaps: ExBox::copy_of(&[Gap { small: 1, large: 2 }][..]).expect("memory"),
        shapes: copy_of(&[Shape::Dot, Shape::Box(1, false)]),
        blocks: ExBox::from_fn(1, |_| ExBox::new(5).expect("memory")).expect("memory"),
        nothing: ExBox::from_fn(3, |_| ()).expect("memory"),
    };
    wire::encode(message).expect("memory")
}

#[test]
fn a_handle_that_is_not_what_its_field_says_is_refused() {
    let _turn = turn();
    // Number; bytes, point, points, gaps, shapes, the inner block (in its block), blocks, nothing.
    assert_eq!(blocks().bytes, [2, 0, 3, 1, 2, 2, 3, 1, 4, 2, 6, 1, 7, 3]);
    let fault = |change: &dyn Fn(&mut Packet)| {
        let mut packet = blocks();
        change(&mut packet);
        violation(2, packet)
    };
    let bad = |field, fault| Violation::BadHandle { field, fault };
    let endpoint = || Handle::Endpoint(AnyEndpoint::new(spec::ping::PingPong::channel().expect("memory").0));
    assert_eq!(fault(&|packet| packet.bytes[1] = 8), bad("bytes", HandleFault::Index));
    assert_eq!(fault(&|packet| packet.bytes[2] = 2), bad("bytes", HandleFault::Size));
    assert_eq!(fault(&|packet| packet.bytes[3] = 0), bad("point", HandleFault::Used));
    assert_eq!(fault(&|packet| packet.handles[1] = endpoint()), bad("point", HandleFault::NotABlock));
    assert_eq!(fault(&|packet| packet.handles.swap(1, 2)), bad("point", HandleFault::Size));
    assert_eq!(fault(&|packet| packet.handles.push(endpoint())), Violation::UnusedHandles { count: 1 });
    // What lies in a packed block is not believed either.
    let shapes = |bytes: &'static [u8]| {
        fault(&move |packet: &mut Packet| {
            let block = ExBox::copy_of(bytes).expect("memory");
            let one = wire::encode(spec::serial::SerialInput::Read { buffer: block }).expect("memory");
            packet.handles[4] = one.handles.into_iter().next().expect("one block");
        })
    };
    assert_eq!(shapes(&[0, 3]), Violation::BadValue { field: "shapes", fault: ValueFault::Variant });
    assert_eq!(shapes(&[0, 2, 1]), Violation::Truncated { field: "1" });
    assert_eq!(shapes(&[0, 0, 0]), bad("shapes", HandleFault::Size));
    assert_eq!(shapes(&[0]), bad("shapes", HandleFault::Size));
}

#[test]
fn an_endpoint_of_another_contract_side_or_state_is_refused() {
    let _turn = turn();
    let mut random = Random::new(1);
    let mut fault = |index: usize, handle| {
        let mut packet = wire::encode(made_up::<Everything>(3, &mut random)).expect("memory");
        packet.handles[index] = handle;
        let (from, state, _) = step::<Everything>(3);
        wire::decode::<Everything>(from, state, packet).map(|_| ()).map_err(|error| error.to_string())
    };
    let wrong = "field `own` refers to an endpoint of another contract, side or state";
    let ping = AnyEndpoint::new(spec::ping::PingPong::channel().expect("memory").0);
    assert_eq!(fault(0, Handle::Endpoint(ping)), Err(wrong.to_owned()));
    let start = AnyEndpoint::new(Everything::channel().expect("memory").0);
    assert_eq!(fault(0, Handle::Endpoint(start)), Err(wrong.to_owned()));
    let block = blocks().handles.swap_remove(0);
    assert_eq!(fault(1, block), Err("field `any` refers to a block and should be an endpoint".to_owned()));
}

#[test]
fn a_block_that_is_valid_for_any_bytes_stays_where_it_is() {
    let _turn = turn();
    let buffer = ExBox::zeroed(10_000).expect("memory");
    let address = buffer.address();
    let packet = wire::encode(spec::serial::SerialInput::Read { buffer }).expect("memory");
    let Ok((spec::serial::SerialInput::Read { buffer }, _)) = wire::decode(Side::Client, 0, packet) else {
        panic!("it is the message")
    };
    assert_eq!((buffer.address(), buffer.len()), (address, 10_000));
}

/// Carries one session over bytes, as a gate would, between a channel to the client and one to the server.
fn carry<C: Message>(mut to_client: Dynamic<C>, mut to_server: Dynamic<C>) -> u64 {
    let mut monitor = Monitor::<C>::new();
    let mut bytes = 0;
    while let Some(speaker) = monitor.speaker() {
        let (from, to) = match speaker {
            Side::Client => (&mut to_client, &mut to_server),
            Side::Server => (&mut to_server, &mut to_client),
        };
        let Ok(message) = from.receive() else { break };
        let packet = wire::encode(message).expect("memory");
        bytes += packet.bytes.len() as u64;
        to.send(monitor.accept(speaker, packet).expect("the contract allows it"))
            .expect("so does the other end");
    }
    bytes
}

#[test]
fn a_session_over_bytes_is_the_same_as_over_a_channel() {
    use contracts::spec::count::Count;
    use contracts::spec::count::count::{ClientCounting, ClientFinishing, ServerIdle};
    let _turn = turn();
    let (mut client, near) = Count::channel().expect("memory");
    let (far, mut server) = Count::channel().expect("memory");
    let carrier = thread::spawn(move || carry(Dynamic::new(near), Dynamic::new(far)));
    let counter = thread::spawn(move || {
        let mut total = 0;
        loop {
            server = match server.receive() {
                Ok(ServerIdle::Part { block, length, next }) => {
                    total += length;
                    next.counted(block)
                }
                Ok(ServerIdle::Finish { next }) => next.totals(0, 0, total),
                Err(_) => return,
            };
        }
    });
    for length in 0..50 {
        let block = ExBox::zeroed(100).expect("memory");
        let address = block.address();
        let ClientCounting::Counted { block, next } = client.part(block, length).receive().expect("carried");
        assert_eq!(block.address(), address, "the block is the same all the way");
        client = next;
    }
    let ClientFinishing::Totals { bytes, next, .. } = client.finish().receive().expect("carried");
    assert_eq!(bytes, 49 * 50 / 2);
    drop(next);
    assert!(carrier.join().expect("it carries") > 0);
    counter.join().expect("it counts");
}

#[test]
fn an_endpoint_whose_state_is_known_at_run_time_keeps_the_contract() {
    use contracts::spec::ping::{PingPong, ping_pong};
    let _turn = turn();
    let (client, server) = PingPong::channel().expect("memory");
    let mut client = Dynamic::new(client);
    let Err(Unsent::Forbidden(PingPong::Pong { value: 1 }, _)) = client.send(PingPong::Pong { value: 1 })
    else {
        panic!("a client sends no pong")
    };
    assert_eq!(client.receive().err(), Some(ReceiveError::NotNow { state: "Idle" }));
    client.send(PingPong::Ping { value: 2 }).expect("the contract allows it");
    let ping_pong::ServerIdle::Ping { value, next } = server.receive().expect("sent");
    drop(next.pong(value + 1));
    assert!(matches!(client.receive(), Ok(PingPong::Pong { value: 3 })));
    let client = client.into_typed::<ping_pong::Client<ping_pong::Waiting>>().expect_err("it is `Idle`");
    let client = client.into_typed::<ping_pong::Client<ping_pong::Idle>>().expect("it is `Idle`");
    assert!(client.ping(0).receive().is_err());
}
