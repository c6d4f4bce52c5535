//! Two processes that talk while others die, and look at every byte. Between them they always have the same one block.

use alloc::vec::Vec;
use core::time::Duration;

use contracts::time::sleep_until;
use contracts::{AnyEndpoint, Closed, Contract, ExBox, Instant};
use trial::echo::{Echo, echo};
use trial::pose::Pose;
use trial::scenes::Stage;
use trial::trouble::Trouble;

const DAMAGED: Trouble = Trouble::Wrong("a bystander's block is not what was sent");

const BYTES: usize = 600;

/// The byte at a place in the block of a round.
fn byte(round: u64, place: usize) -> u8 {
    (round as u8).wrapping_mul(31).wrapping_add(place as u8)
}

fn stamp(block: &mut [u8], round: u64) {
    block.iter_mut().enumerate().for_each(|(place, there)| *there = byte(round, place));
}

fn is_stamped(block: &[u8], round: u64) -> bool {
    block.len() == BYTES && block.iter().enumerate().all(|(place, there)| *there == byte(round, place))
}

/// Sends blocks back until the client closes.
pub(crate) fn serve(pose: &mut Pose) -> Result<u64, Trouble> {
    let (client, mut server) = Echo::channel()?;
    pose.give(AnyEndpoint::new(client))?;
    pose.halt()?;
    let mut received = 0;
    loop {
        let (block, next) = match server.receive() {
            Ok(echo::ServerIdle::There { block, next }) => (block, next),
            Ok(echo::ServerIdle::Copy { .. }) => return Err(DAMAGED),
            Err(Closed) => break,
        };
        if !is_stamped(&block, received) {
            return Err(DAMAGED);
        }
        received += 1;
        server = next.back(block);
    }
    pose.wait()?;
    Ok(received)
}

/// A channel of which both ends are one's own.
type Own = (echo::Client<echo::Idle>, echo::Server<echo::Idle>);

/// Very many channels.
pub(crate) fn crowd() -> Result<Vec<Own>, Trouble> {
    Ok((0..5000).map(|_| Echo::channel()).collect::<Result<_, _>>()?)
}

/// Has very many blocks, and waits.
pub(crate) fn hoard(pose: &mut Pose) -> Result<u64, Trouble> {
    let _end = pose.take()?;
    let mut hoard = Vec::new();
    for _ in 0..20_000 {
        hoard.push(ExBox::new(7u64)?);
    }
    pose.halt()?;
    pose.wait()?;
    Ok(hoard.len() as u64)
}

/// Sends a block there and back, with another content each time, until it is told to go. After so many it rests for a tick, if
/// that is not 0.
pub(crate) fn load(pose: &mut Pose, pace: u64) -> Result<u64, Trouble> {
    let client = pose.take()?.downcast::<echo::Client<echo::Idle>>();
    let mut client = client.map_err(|_| Trouble::Wrong("it is another endpoint"))?;
    let mut block = ExBox::zeroed(BYTES)?;
    pose.halt()?;
    let mut received = 0;
    while !pose.may_go_on()? {
        stamp(&mut block, received);
        echo::ClientWaiting::Back { block, next: client } = client.there(block).receive()?;
        if !is_stamped(&block, received) {
            return Err(DAMAGED);
        }
        received += 1;
        if received.checked_rem(pace) == Some(0) {
            sleep_until(Instant::now() + Duration::from_millis(1));
        }
    }
    Ok(received)
}
