//! Asks for as much as it can get, by every way that leads there. Its last line in the kernel's log is `fact greed` with
//! what it found.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::directory::directory::{Client, ClientLookingUp, Ready};
use contracts::spec::directory::{ConnectError, Directory};
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::spec::system::{Outcome, System};
use contracts::{Contract, ExBox, Instant, Name};

rt::manifest! {
    main: main,
    provides: { greedy: PingPong },
    uses: { directory: Directory, system: System },
    memory: 1 << 20,
    blocks: 64 << 20,
    channels: CHANNELS,
}

const CHANNELS: u32 = 40;
/// What its manifest uses takes a channel each.
const USED: u32 = 2;
/// Items of the largest channel.
const ITEMS: u32 = 512;

/// A channel of more than two MiB.
#[derive(Contract)]
#[contract(start = Ready)]
#[expect(clippy::large_enum_variant, reason = "its slots are to be large")]
pub enum Large {
    /// Asks for items.
    #[client(Ready => Feeding)]
    Start,
    /// One.
    #[server(Feeding => Feeding, window = 512)]
    Item {
        /// What it is made of.
        body: [u8; 4096],
    },
    /// No more.
    #[server(Feeding => Ready)]
    Last,
}

fn main(grants: Grants) {
    let items = fill();
    let shares = share();
    let before = look_up("greedy", grants.directory);
    drop(grants.greedy.clients::<()>());
    let after = before.and_then(|(before, directory)| Some((before, look_up("greedy", directory)?)));
    let Some((before, (after, directory))) = after else { return };
    // Those that were made above are closed when their threads have ended.
    contracts::time::sleep_until(Instant::now() + Duration::from_millis(50));
    let clients = hoard(directory);
    rt::log!(
        "fact greed items={} shares={} before={before:?} after={after:?} clients={clients}",
        items.unwrap_or(0),
        shares.unwrap_or(0)
    );
    grants.system.shutdown(Outcome::Success);
}

/// Fills the largest channel, and empties it. Returns how many items came out as they went in.
fn fill() -> Option<u32> {
    let (client, server) = Large::channel().ok()?;
    let mut feeding = client.start();
    let Ok(large::ServerReady::Start { mut next }) = server.receive() else { return None };
    for number in 0..ITEMS {
        next = next.item([number as u8; 4096]).ok()?;
    }
    drop(next);
    let mut good = 0;
    for number in 0..ITEMS {
        let Ok(large::ClientFeeding::Item { body, next }) = feeding.receive() else { break };
        feeding = next;
        good += u32::from(body == [number as u8; 4096]);
    }
    Some(good)
}

/// Has four threads want more than half of all the blocks that there may be, at once. Returns how many have got it.
fn share() -> Option<usize> {
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let (client, server) = PingPong::channel().ok()?;
        rt::thread::spawn(move || hold(server)).ok()?;
        waiting.push(client.ping(0));
    }
    // All are kept until each has answered.
    let answers: Vec<_> = waiting.into_iter().map(|waiting| waiting.receive()).collect();
    let got = |answer: &_| matches!(answer, Ok(ping_pong::ClientWaiting::Pong { value: 1, .. }));
    Some(answers.iter().filter(|answer| got(answer)).count())
}

/// Wants a block, says 1 if it has it, and keeps it until the client goes.
fn hold(server: ping_pong::Server<ping_pong::Idle>) {
    let Ok(ping_pong::ServerIdle::Ping { next, .. }) = server.receive() else { return };
    let block = ExBox::<[u8]>::zeroed(34 << 20);
    // It ends with the channel.
    let _ = next.pong(u64::from(block.is_ok())).receive();
}

/// What the directory said.
#[derive(Debug)]
enum Found {
    Yes,
    Unknown,
    No,
}

/// Keeps as many channels to a service as it gets by looking it up. Returns how many it then has, if that is why there are
/// no more.
fn hoard(mut directory: Client<Ready>) -> u32 {
    let mut clients = Vec::new();
    while clients.len() <= CHANNELS as usize {
        match directory.lookup(Name::truncated("pong"), PingPong::FINGERPRINT).receive() {
            Ok(ClientLookingUp::Found { endpoint, next }) => {
                clients.push(endpoint);
                directory = next;
            }
            Ok(ClientLookingUp::Refused { error: ConnectError::OverLimit, .. }) => {
                return clients.len() as u32 + USED;
            }
            _ => break,
        }
    }
    0
}

/// Looks a service up, and lets go of the channel to it.
fn look_up(name: &str, directory: Client<Ready>) -> Option<(Found, Client<Ready>)> {
    Some(match directory.lookup(Name::truncated(name), PingPong::FINGERPRINT).receive().ok()? {
        ClientLookingUp::Found { next, .. } => (Found::Yes, next),
        ClientLookingUp::Unknown { next } => (Found::Unknown, next),
        ClientLookingUp::Refused { next, .. } => (Found::No, next),
    })
}
