//! Has little of everything, and runs into each of its limits; also gives up a service while it lives. Its argument says which,
//! and how far to go if nothing stops it:
//!
//! - `blocks`, `channels`, `threads`, `memory`: takes as many as it gets, and reports how many;
//! - `gift`: is given a block for which it has no room, and then has room;
//! - `time`: computes;
//! - `shop`: serves a client, closes the service, and goes on.
//!
//! Behind it may stand `bug N`, a bug to plant in this image.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;

use contracts::sabotage::plant_by;
use contracts::spec::ping::PingPong;
use contracts::{Contract, EndpointSet, ExBox, Instant, ReceiveByError, Service};
use trial::desk::Desk;
use trial::echo::{Echo, echo};
use trial::pose::Pose;
use trial::scenes::Stage;
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    provides: { stall: Echo },
    uses: { desk: Desk },
    memory: 1 << 20,
    blocks: 64 << 10,
    channels: 12,
    threads: 4,
    cpu_percent: 5,
}

/// More than any limit allows.
const TOO_MANY: usize = 100;
/// More time than it has in a second.
const TOO_LONG: Duration = Duration::from_millis(200);

fn main(grants: Grants) -> Result<(), Trouble> {
    let order = plant_by(grants.argument);
    // Without an order it was started at boot, so that its image is kept.
    if order.is_empty() {
        return Ok(());
    }
    let mut pose = Pose::new(grants.desk.here());
    let given = pose.take()?;
    let count = match order {
        "blocks" => count(|| ExBox::<[u8]>::zeroed(5000)),
        "channels" => count(PingPong::channel),
        "threads" => {
            count(|| rt::thread::spawn(|| contracts::time::sleep_until(Instant::from_nanos(u64::MAX))))
        }
        "memory" => count(|| {
            let mut memory = Vec::<u8>::new();
            memory.try_reserve_exact(20_000).map(|()| memory)
        }),
        "gift" => {
            let client = given.downcast::<echo::Client<echo::Idle>>();
            has_no_room(client.map_err(|_| Trouble::Wrong("it is another endpoint"))?)?
        }
        "time" => {
            let end = Instant::now() + TOO_LONG;
            let mut rounds = 0;
            while Instant::now() < end {
                rounds = black_box(rounds + 1);
            }
            rounds
        }
        "shop" => close_shop(grants.stall, &mut pose)?,
        _ => return Err(Trouble::Wrong("an order cannot be read")),
    };
    pose.done(count)
}

/// How many of something there are to be had at once.
fn count<T, E>(mut take: impl FnMut() -> Result<T, E>) -> u64 {
    let taken: Vec<T> = core::iter::from_fn(|| take().ok()).take(TOO_MANY).collect();
    taken.len() as u64
}

/// A block comes back when there is no room for it. It waits until there is.
fn has_no_room(client: echo::Client<echo::Idle>) -> Result<u64, Trouble> {
    let waiting = client.copy(ExBox::zeroed(40 << 10)?);
    contracts::time::sleep_until(Instant::now() + Duration::from_millis(8));
    let hoard = ExBox::<[u8]>::zeroed(40 << 10)?;
    let waiting = match waiting.receive_by(Instant::from_nanos(0)) {
        Err(ReceiveByError::OverLimit(waiting)) => waiting,
        _ => return Err(Trouble::Wrong("a gift broke a limit")),
    };
    drop(hoard);
    let echo::ClientCopying::Copied { block, .. } = waiting.receive()?;
    Ok(block.len() as u64)
}

/// Answers one client, who stays, and closes the service. Some have sent what nobody has looked at, some nothing.
fn close_shop(service: Service<Echo>, pose: &mut Pose) -> Result<u64, Trouble> {
    let mut clients: EndpointSet<echo::Server<echo::Idle>> = service.clients();
    pose.halt()?;
    pose.wait()?;
    let Ok(echo::ServerIdle::There { block, next }) = clients.receive().received else {
        return Err(Trouble::Wrong("a message is not what was sent"));
    };
    clients.insert(next.back(block), ());
    pose.halt()?;
    pose.wait()?;
    drop(clients);
    pose.halt()?;
    pose.wait()?;
    Ok(1)
}
