//! Very many random sessions, one after another; in the end the heap is where it was.

use contracts::ExBox;
use contracts::spec::probe::MemorySums;
use contracts::spec::probe::probe::ClientSumming;
use contracts::spec::system::BlockTotals;
use trial::random::Random;
use trial::table::lobby::{ClientEntering, ClientGuarding, ClientSettling};
use trial::table::seat::{Client, ClientAsking, ClientKeeping, ClientSwapping, Idle};
use trial::trouble::Trouble;

use crate::{Glass, Lobbies, Stakes};

/// Plays `warm_up` sessions, looks at the heap, plays as many more as are at stake, and looks again.
pub(crate) fn play(
    lobbies: Lobbies,
    probe: Glass,
    seed: u64,
    warm_up: u64,
    stakes: Stakes,
) -> Result<(), Trouble> {
    let mut random = Random::new(seed);
    let smallest = stakes.smallest;
    let [mut north, mut south] = lobbies;
    let mut probe = probe;
    for (moment, sessions) in [("before", warm_up), ("after", stakes.sessions)] {
        for _ in 0..sessions {
            [north, south] = match random.below(2) {
                0 => session([north, south], smallest, &mut random)?,
                _ => {
                    let [first, second] = session([south, north], smallest, &mut random)?;
                    [second, first]
                }
            };
        }
        let ClientSettling::Settled { next } = north.settle().receive()?;
        north = next;
        let ClientSettling::Settled { next } = south.settle().receive()?;
        south = next;
        probe = report(probe, moment, sessions)?;
    }
    Ok(())
}

fn report(probe: Glass, moment: &str, sessions: u64) -> Result<Glass, Trouble> {
    let ClientSumming::Sums { totals, memory, next } = probe.sum().receive()?;
    let BlockTotals { blocks, bytes, mapped, blocks_moved, bytes_copied, .. } = totals;
    let MemorySums { free_frames, kernel_heap, channels, .. } = memory;
    rt::log!(
        "fact heap moment={moment} sessions={sessions} blocks={blocks} bytes={bytes} mapped={mapped} \
        free_frames={free_frames} kernel_heap={kernel_heap} channels={channels} moved={blocks_moved} \
        copied={bytes_copied}"
    );
    Ok(next)
}

/// One session: a channel is made and its end handed over; up to three random exchanges; then it is left, or abandoned
/// with a message in flight. Plays with the first of the lobbies; the second only guards.
fn session([lobby, other]: Lobbies, smallest: u64, random: &mut Random) -> Result<Lobbies, Trouble> {
    let (mut seat, lobby) = match lobby.enter().receive()? {
        ClientEntering::Seated { seat, next } => (seat, next),
        ClientEntering::Full { .. } => return Err(Trouble::Exhausted),
    };
    let mut other = other;
    for _ in 0..random.below(4) {
        (seat, other) = exchange(seat, other, smallest, random)?;
    }
    match random.below(4) {
        0 => seat.leave(),
        1 => drop(seat),
        2 => drop(seat.keep(block(smallest, random)?)),
        _ => drop(seat.ask()),
    }
    Ok([lobby, other])
}

fn exchange(
    seat: Client<Idle>,
    other: trial::table::lobby::Client<trial::table::lobby::Ready>,
    smallest: u64,
    random: &mut Random,
) -> Result<(Client<Idle>, trial::table::lobby::Client<trial::table::lobby::Ready>), Trouble> {
    Ok(match random.below(8) {
        0..3 => {
            let ClientKeeping::Kept { next } = seat.keep(block(smallest, random)?).receive()?;
            (next, other)
        }
        3..5 => match seat.ask().receive()? {
            ClientAsking::Given { next, .. } | ClientAsking::Nothing { next } => (next, other),
        },
        5..7 => {
            let ClientSwapping::Swapped { next, .. } = seat.swap(block(smallest, random)?).receive()?;
            (next, other)
        }
        _ => {
            let ClientGuarding::Guarded { seat, next } = other.guard(seat).receive()?;
            (seat, next)
        }
    })
}

/// A block, small as a rule.
fn block(smallest: u64, random: &mut Random) -> Result<ExBox<[u8]>, Trouble> {
    let limit = if random.below(64) == 0 { 65_536 } else { 256 };
    Ok(ExBox::zeroed((smallest + random.below(limit)) as usize)?)
}
