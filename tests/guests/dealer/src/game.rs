//! A random run over several sessions at once; after each step the ledger is compared.

use alloc::vec::Vec;

use contracts::ExBox;
use trial::random::Random;
use trial::table::lobby::ClientEntering;
use trial::table::seat::{
    Asking, Client, ClientAsking, ClientKeeping, ClientSwapping, Idle, Keeping, Swapping,
};
use trial::trouble::Trouble;

use crate::ledger::{GONE, Known, Ledger, MINE, Owners, PEERS, TO_CLIENT, TO_SERVER};
use crate::{Glass, Lobbies, Stakes};

const MOST_BLOCKS: usize = 24;
const MOST_SEATS: usize = 8;

/// A block that somebody else has: its address in the ledger, and its size.
#[derive(Clone, Copy)]
struct Lent(u64, u64);

impl Lent {
    fn of(block: &ExBox<[u8]>, stakes: Stakes) -> Self {
        Lent((block.address() as u64).wrapping_add(stakes.distance), block.len() as u64)
    }

    fn known(self, owners: Owners) -> Known {
        Known { address: self.0, size: self.1, owners }
    }
}

enum State {
    Idle(Client<Idle>),
    Keeping(Client<Keeping>, Lent),
    Asking(Client<Asking>),
    Swapping(Client<Swapping>, Lent),
}

struct Seat {
    state: State,
    /// What the peer keeps, apart from what is on its way.
    kept: Option<Lent>,
}

struct Game {
    lobbies: Vec<trial::table::lobby::Client<trial::table::lobby::Ready>>,
    blocks: Vec<ExBox<[u8]>>,
    seats: Vec<Seat>,
    /// Blocks that peers will free, or have freed.
    doomed: Vec<Lent>,
    random: Random,
    stakes: Stakes,
}

/// Plays as many steps as are at stake.
pub(crate) fn play(
    lobbies: Lobbies,
    probe: Glass,
    seed: u64,
    stakes: Stakes,
) -> Result<(Lobbies, Glass), Trouble> {
    let mut ledger = Ledger::new(probe)?;
    let mut game = Game {
        lobbies: lobbies.into(),
        blocks: Vec::new(),
        seats: Vec::new(),
        doomed: Vec::new(),
        random: Random::new(seed),
        stakes,
    };
    for _ in 0..stakes.steps {
        game.step()?;
        ledger = ledger.compare(&game.known())?;
    }
    game.seats.drain(..).for_each(|seat| game.doomed.extend(seat.lent()));
    game.blocks.clear();
    game.settle()?;
    ledger = ledger.compare(&game.known())?;
    rt::log!(
        "fact game seed={seed} steps={} comparisons={} to_server={} to_client={} most_blocks={}",
        stakes.steps,
        ledger.seen.comparisons,
        ledger.seen.to_server,
        ledger.seen.to_client,
        ledger.seen.most_blocks
    );
    let lobbies = game.lobbies.try_into().map_err(|_| Trouble::Closed)?;
    Ok((lobbies, ledger.into_probe()))
}

impl Seat {
    fn lent(&self) -> impl Iterator<Item = Lent> + use<> {
        let moving = match self.state {
            State::Keeping(_, block) | State::Swapping(_, block) => Some(block),
            State::Idle(_) | State::Asking(_) => None,
        };
        moving.into_iter().chain(self.kept)
    }

    fn known(&self) -> impl Iterator<Item = Known> + use<> {
        let (moving, kept) = match &self.state {
            State::Idle(_) => (None, PEERS),
            State::Keeping(_, block) => (Some(block.known(TO_SERVER | PEERS)), PEERS | GONE),
            State::Asking(_) => (None, PEERS | TO_CLIENT),
            State::Swapping(_, block) => match self.kept {
                Some(_) => (Some(block.known(TO_SERVER | PEERS)), PEERS | TO_CLIENT),
                None => (Some(block.known(TO_SERVER | PEERS | TO_CLIENT)), PEERS),
            },
        };
        moving.into_iter().chain(self.kept.map(|block| block.known(kept)))
    }
}

impl Game {
    fn known(&self) -> Vec<Known> {
        let mine = self.blocks.iter().map(|block| Lent::of(block, self.stakes).known(MINE));
        let doomed = self.doomed.iter().map(|block| block.known(TO_SERVER | PEERS | TO_CLIENT | GONE));
        mine.chain(self.seats.iter().flat_map(Seat::known)).chain(doomed).collect()
    }

    fn step(&mut self) -> Result<(), Trouble> {
        match self.random.below(16) {
            0..3 if self.blocks.len() < MOST_BLOCKS => {
                let limit = [64, 2048, 4096, 70_000][self.random.below(4) as usize];
                let size = self.stakes.smallest + self.random.below(limit);
                let block = ExBox::zeroed(size as usize)?;
                self.forget(Lent::of(&block, self.stakes));
                self.blocks.push(block);
            }
            3 if !self.blocks.is_empty() => {
                let index = self.pick(self.blocks.len());
                drop(self.blocks.swap_remove(index));
            }
            4 if self.seats.len() < MOST_SEATS => self.enter()?,
            5 if !self.seats.is_empty() => {
                let index = self.pick(self.seats.len());
                let seat = self.seats.swap_remove(index);
                self.doomed.extend(seat.lent());
                match seat.state {
                    State::Idle(client) if self.random.below(2) == 0 => client.leave(),
                    abandoned => drop(abandoned),
                }
            }
            6 => self.settle()?,
            7 => self.guard()?,
            _ if !self.seats.is_empty() => {
                let index = self.pick(self.seats.len());
                let seat = self.seats.swap_remove(index);
                let seat = self.go_on(seat)?;
                self.seats.push(seat);
            }
            _ => {}
        }
        Ok(())
    }

    /// A block that may have been freed has been: its memory was given out again.
    fn forget(&mut self, Lent(address, _): Lent) {
        self.doomed.retain(|doomed| doomed.0 != address);
        for seat in &mut self.seats {
            if matches!(seat.state, State::Keeping(..)) {
                seat.kept = seat.kept.filter(|kept| kept.0 != address);
            }
        }
    }

    fn pick(&mut self, length: usize) -> usize {
        self.random.below(length as u64) as usize
    }

    fn enter(&mut self) -> Result<(), Trouble> {
        let peer = self.pick(2);
        match self.lobbies.remove(peer).enter().receive()? {
            ClientEntering::Seated { seat, next } => {
                self.lobbies.insert(peer, next);
                self.seats.push(Seat { state: State::Idle(seat), kept: None });
                Ok(())
            }
            ClientEntering::Full { .. } => Err(Trouble::Exhausted),
        }
    }

    /// Has a peer hold the end of a session, maybe another peer's, and takes it back.
    fn guard(&mut self) -> Result<(), Trouble> {
        let idle = self.seats.iter().position(|seat| matches!(seat.state, State::Idle(_)));
        let Some(index) = idle else { return Ok(()) };
        let Seat { state: State::Idle(seat), kept } = self.seats.swap_remove(index) else { return Ok(()) };
        let peer = self.pick(2);
        let trial::table::lobby::ClientGuarding::Guarded { seat, next } =
            self.lobbies.remove(peer).guard(seat).receive()?;
        self.lobbies.insert(peer, next);
        self.seats.push(Seat { state: State::Idle(seat), kept });
        Ok(())
    }

    /// After this no peer has anything to do, so nothing doomed is left.
    fn settle(&mut self) -> Result<(), Trouble> {
        for peer in 0..2 {
            let trial::table::lobby::ClientSettling::Settled { next } =
                self.lobbies.remove(peer).settle().receive()?;
            self.lobbies.insert(peer, next);
        }
        self.doomed.clear();
        Ok(())
    }

    /// Sends a session's next message, or receives the answer to its last one.
    fn go_on(&mut self, seat: Seat) -> Result<Seat, Trouble> {
        let Seat { state, kept } = seat;
        Ok(match state {
            State::Idle(client) => {
                let choice = self.random.below(3);
                let block = match self.blocks.is_empty() {
                    true => None,
                    false => Some(self.pick(self.blocks.len())),
                };
                match (choice, block) {
                    (0, Some(index)) => {
                        let block = self.blocks.swap_remove(index);
                        let lent = Lent::of(&block, self.stakes);
                        Seat { state: State::Keeping(client.keep(block), lent), kept }
                    }
                    (1, Some(index)) => {
                        let block = self.blocks.swap_remove(index);
                        let lent = Lent::of(&block, self.stakes);
                        Seat { state: State::Swapping(client.swap(block), lent), kept }
                    }
                    _ => Seat { state: State::Asking(client.ask()), kept },
                }
            }
            State::Keeping(client, block) => {
                let ClientKeeping::Kept { next } = client.receive()?;
                Seat { state: State::Idle(next), kept: Some(block) }
            }
            State::Asking(client) => match client.receive()? {
                ClientAsking::Given { block, next } => {
                    self.blocks.push(block);
                    Seat { state: State::Idle(next), kept: None }
                }
                ClientAsking::Nothing { next } => Seat { state: State::Idle(next), kept },
            },
            State::Swapping(client, sent) => {
                let ClientSwapping::Swapped { block, next } = client.receive()?;
                self.blocks.push(block);
                Seat { state: State::Idle(next), kept: kept.map(|_| sent) }
            }
        })
    }
}
