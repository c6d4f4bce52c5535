//! Asks for as much as it can get, by every way that leads there. Its last line in the kernel's log is `fact greed` with
//! what it found.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Contract;
use contracts::spec::system::{Outcome, System};

rt::manifest! {
    main: main,
    uses: { system: System },
    memory: 1 << 20,
}

/// Items of the largest channel.
const ITEMS: u32 = 512;

/// A channel of more than two MiB.
#[derive(Contract)]
#[contract(start = Ready)]
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
    rt::log!("fact greed items={}", items.unwrap_or(0));
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
