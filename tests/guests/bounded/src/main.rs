//! Runs into each of its limits, and goes on. Its last line in the kernel's log is `fact limits` with what it found.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::spec::system::{Outcome, System};
use contracts::{Contract, ExBox, Instant, ReceiveByError};
use trial::echo::Echo;
use trial::echo::echo::{Client, ClientCopying, ClientWaiting, Idle};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { echo: Echo, pong: PingPong, system: System },
    memory: 1 << 20,
    blocks: BLOCKS,
    channels: CHANNELS,
    threads: THREADS,
}

const BLOCKS: u64 = 64 << 10;
const CHANNELS: u32 = 12;
const THREADS: u32 = 4;
/// What its manifest uses takes a channel each.
const USED: u32 = 3;

fn main(grants: Grants) {
    let outcome = match run(grants.echo, grants.pong) {
        Ok(()) => Outcome::Success,
        Err(trouble) => {
            rt::log!("{trouble}");
            Outcome::Failure
        }
    };
    grants.system.shutdown(outcome);
}

/// Has as many threads as there may be do work at once that allocates; returns how many that were.
fn share_out_work() -> Result<usize, Trouble> {
    let mut waiting = Vec::new();
    loop {
        let (client, server) = PingPong::channel()?;
        if rt::thread::spawn(move || work(server)).is_err() {
            break;
        }
        waiting.push(client.ping(1000 + waiting.len() as u64));
    }
    let threads = waiting.len();
    for (number, waiting) in waiting.into_iter().enumerate() {
        let ping_pong::ClientWaiting::Pong { value, .. } = waiting.receive()?;
        let count = 1000 + number as u64;
        if value != count * (count - 1) / 2 {
            return Err(Trouble::Wrong("a thread's memory was not its own"));
        }
    }
    Ok(threads)
}

/// Adds up numbers that it keeps in lists of its own, so that the threads meet in the allocator.
fn work(mut server: ping_pong::Server<ping_pong::Idle>) {
    while let Ok(ping_pong::ServerIdle::Ping { value, next }) = server.receive() {
        let mut lists = Vec::new();
        for number in 0..value {
            lists.push(alloc::vec![number; 3]);
        }
        server = next.pong(lists.iter().map(|list| list[1]).sum());
    }
}

fn run(echo: Client<Idle>, pong: ping_pong::Client<ping_pong::Idle>) -> Result<(), Trouble> {
    // Blocks: as many as the limit has room for, again and again.
    let mut most = Vec::new();
    for _ in 0..3 {
        let blocks: Vec<_> = core::iter::from_fn(|| ExBox::<[u8]>::zeroed(5000).ok()).collect();
        most.push(blocks.len());
    }
    // In flight they count against the sender: a block to a peer that does not look for it gives no room.
    let (own, other) = Echo::channel()?;
    let waiting = own.there(ExBox::zeroed(48 << 10)?);
    let in_flight = ExBox::<[u8]>::zeroed(32 << 10).is_err();
    drop((waiting, other));
    let again = ExBox::<[u8]>::zeroed(32 << 10).is_ok();

    // A gift that would break the limit waits until there is room. The peer's copy counts against the peer until then.
    let waiting = echo.copy(ExBox::zeroed(40 << 10)?);
    contracts::time::sleep_until(Instant::now() + Duration::from_millis(50));
    let hoard = ExBox::<[u8]>::zeroed(40 << 10)?;
    let now = Instant::from_nanos(0);
    let Err(ReceiveByError::OverLimit(waiting)) = waiting.receive_by(now) else {
        return Err(Trouble::Wrong("a gift broke the limit"));
    };
    drop(hoard);
    let ClientCopying::Copied { block, next: echo } = waiting.receive()?;
    let gift = block.len();
    drop(block);
    let ClientWaiting::Back { block, .. } = echo.there(ExBox::zeroed(60 << 10)?).receive()?;
    drop(block);

    // Channels: as many as the limit has room for, again and again; those that both sides closed do not count.
    let mut channels = Vec::new();
    for _ in 0..3 {
        let made: Vec<_> = core::iter::from_fn(|| PingPong::channel().ok()).collect();
        channels.push(made.len());
    }

    // Threads: as many as the limit has room for, again and again; those that have ended do not count.
    let mut threads = Vec::new();
    for _ in 0..20 {
        threads.push(share_out_work()?);
        // They end when their channels close, which they have yet to see.
        contracts::time::sleep_until(Instant::now() + Duration::from_millis(10));
    }

    // Private memory: an allocation that may fail says so.
    let mut memory = Vec::<u8>::new();
    let refused = memory.try_reserve_exact(2 << 20).is_err();

    // After all this its neighbour answers as ever.
    let ping_pong::ClientWaiting::Pong { value, .. } = pong.ping(7).receive()?;
    rt::log!(
        "fact limits blocks={} steady={} in_flight={in_flight} again={again} gift={gift} channels={} threads={} \
         refused={refused} value={value}",
        most[0],
        [most.as_slice(), &channels, &threads]
            .iter()
            .all(|counts| counts.iter().all(|count| *count == counts[0])),
        channels[0] as u32 + USED,
        threads[0] + 1,
    );
    Ok(())
}
