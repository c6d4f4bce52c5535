//! Messages as bytes, and somebody in the middle. After `04_delegation`.
//!
//! Between processes messages are values in a channel. Where one of the sides is not to be believed, or far away, the same
//! contract travels in wire form: bytes, and beside them the blocks and endpoints that the bytes speak of. The contract's
//! enum is the message as a value. A `Monitor` knows the state and accepts what the contract allows there, nothing else.
#![forbid(unsafe_code)]

use std::thread;

use contracts::wire::{self, DecodeError, Dynamic, Message, Monitor, Packet, ReceiveError};
use contracts::{Contract, ExBox, Exchange, Side};

/// A percentage. `new` makes none above 100, and the field is private; but decoding does not ask `new`, so the derive is
/// told what to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(transparent)]
#[exchange(check = Self::is_valid)]
pub struct Percent(u8);

impl Percent {
    /// So many hundredths, if there are that many.
    pub fn new(hundredths: u8) -> Option<Percent> {
        Some(Percent(hundredths)).filter(Percent::is_valid)
    }

    fn is_valid(&self) -> bool {
        self.0 <= 100
    }
}

/// Makes sound softer or louder.
///
/// ```text
/// Idle --?Scale--> Scaling --!Scaled--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Volume {
    /// Scales these samples.
    #[client(Idle => Scaling)]
    Scale {
        /// How loud it shall be.
        volume: Percent,
        /// The samples.
        samples: ExBox<[i16]>,
    },
    /// Here they are.
    #[server(Scaling => Idle)]
    Scaled {
        /// The samples.
        samples: ExBox<[i16]>,
    },
}

use volume::{Client, ClientScaling, Idle, Server, ServerIdle};

fn serve(mut server: Server<Idle>) {
    while let Ok(ServerIdle::Scale { volume, mut samples, next }) = server.receive() {
        for sample in &mut samples[..] {
            *sample = (i32::from(*sample) * i32::from(volume.0) / 100) as i16;
        }
        server = next.scaled(samples);
    }
}

/// Carries messages between two channels of whatever contract, as a network would: each is taken apart into bytes on one
/// side and put together again on the other. Returns how many bytes that were.
fn carry<C: Message>(mut to_client: Dynamic<C>, mut to_server: Dynamic<C>) -> usize {
    let mut bytes = 0;
    // Follows the session from outside, as the far side of a network has to.
    let mut monitor = Monitor::<C>::new();
    while let Some(speaker) = monitor.speaker() {
        let (from, to) = match speaker {
            Side::Client => (&mut to_client, &mut to_server),
            Side::Server => (&mut to_server, &mut to_client),
        };
        let message = match from.receive() {
            Ok(message) => message,
            Err(ReceiveError::Closed) => break,
            Err(error) => panic!("{error}"),
        };
        let packet = wire::encode(message).expect("memory for a packet");
        bytes += packet.bytes.len();
        let message = monitor.accept(speaker, packet).expect("what was sent was allowed");
        to.send(message).expect("it is allowed there, too");
    }
    bytes
}

fn play(client: Client<Idle>) -> Client<Idle> {
    let samples = ExBox::copy_of(&[1000, -1000, i16::MAX]).expect("memory for a block");
    let address = samples.address();
    let half = Percent::new(50).expect("it is below 100");
    let Ok(ClientScaling::Scaled { samples, next }) = client.scale(half, samples).receive() else {
        panic!("the server is gone")
    };
    // The block went four times from hand to hand and is where it was: any bytes are samples, so it needs no check.
    assert_eq!((&samples[..], samples.address()), (&[500, -500, i16::MAX / 2][..], address));
    next
}

fn main() {
    // The client and the server do not notice who is between them.
    let (client, far_server) = Volume::channel().expect("memory for a channel");
    let (far_client, server) = Volume::channel().expect("memory for a channel");
    let served = thread::spawn(move || serve(server));
    let carried = thread::spawn(move || carry(Dynamic::new(far_server), Dynamic::new(far_client)));
    drop(play(play(client)));
    let bytes = carried.join().expect("no panic");
    served.join().expect("no panic");
    println!("two questions and two answers are {bytes} bytes beside their blocks");
    assert_eq!(bytes, 2 * (4 + 3));

    // Who takes bytes from a stranger gets a violation, never a value that cannot be.
    let say = |forge: fn(&mut Packet)| {
        let samples = ExBox::copy_of(&[1, 2, 3]).expect("memory for a block");
        let message = Volume::Scale { volume: Percent(100), samples };
        let mut packet = wire::encode(message).expect("memory for a packet");
        forge(&mut packet);
        wire::decode::<Volume>(Side::Client, 0, packet).map(drop)
    };
    assert_eq!(say(|_| ()), Ok(()));
    type Forge = fn(&mut Packet);
    let forged: [(&str, Forge); 5] = [
        ("another message", |packet| packet.bytes[0] = 7),
        ("the server's message", |packet| packet.bytes[0] = 1),
        ("more than all of it", |packet| packet.bytes[1] = 101),
        ("no block", |packet| packet.handles.clear()),
        ("half a message", |packet| packet.bytes.truncate(1)),
    ];
    for (what, forge) in forged {
        let error = say(forge).expect_err("it is forged");
        println!("{what}: {error}");
        assert!(matches!(error, DecodeError::Violation(_)));
    }
}

#[test]
fn it_runs() {
    main();
}
