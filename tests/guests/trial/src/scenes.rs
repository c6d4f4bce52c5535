//! Conversations with a role for each side, which together do all that two processes can do with each other. Whoever plays
//! a role may end at any instruction; the other finds the channel closed, and until then all as it should be.

use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::time::sleep_until;
use contracts::{
    AnyEndpoint, Contract, Either, EndpointSet, Event, ExBox, Instant, Member, Receive, ReceiveByError,
    SendFirst, Side, TryReceiveError, select,
};

use crate::echo::{Echo, echo};
use crate::feed::{Feed, feed};
use crate::table::{Lobby, Seat, lobby, seat};
use crate::trouble::Trouble;

/// How a role is played, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Until when it waits for a message; for good if not said.
    pub patience: Option<Instant>,
    /// Messages that it received and found to be right.
    pub received: u64,
}

impl Tally {
    fn hear<E: Receive>(&self, end: E) -> Result<E::Received, Trouble> {
        let Some(deadline) = self.patience else { return Ok(end.receive()?) };
        let heard = end.receive_by(deadline);
        // What is found only at the deadline woke nobody.
        if Instant::now() >= deadline {
            return Err(WAITS_FOR_GOOD);
        }
        heard.map_err(|error| match error {
            ReceiveByError::TimedOut(_) => WAITS_FOR_GOOD,
            _ => Trouble::Closed,
        })
    }

    fn hear_any<M: Member, D>(&self, set: &mut EndpointSet<M, D>) -> Result<Event<M::Received, D>, Trouble> {
        match self.patience {
            None => Ok(set.receive()),
            Some(deadline) => {
                let heard = set.receive_by(deadline).ok_or(WAITS_FOR_GOOD);
                if Instant::now() < deadline { heard } else { Err(WAITS_FOR_GOOD) }
            }
        }
    }
}

const WAITS_FOR_GOOD: Trouble = Trouble::Wrong("a peer of a process that ended waits for good");

/// A conversation.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// Makes a channel, gives one end away, and plays the role of the side that it keeps.
    play: fn(Side, &mut dyn Stage, &mut Tally) -> Result<(), Trouble>,
}

/// How the two ends of a conversation's channel get to those who play.
pub trait Stage {
    /// Gives the end that speaks first away, when this side is the other.
    fn give(&mut self, end: AnyEndpoint) -> Result<(), Trouble>;
    /// Takes the end that speaks first.
    fn take(&mut self) -> Result<AnyEndpoint, Trouble>;
}

/// All conversations.
pub const SCENES: &[Scene] = &[
    Scene { name: "numbers", play: |side, stage, tally| cast::<PingPong>(side, stage, tally, ping, pong) },
    Scene { name: "blocks", play: |side, stage, tally| cast::<Echo>(side, stage, tally, lend, give_back) },
    Scene { name: "stream", play: |side, stage, tally| cast::<Feed>(side, stage, tally, eat, feed) },
    Scene { name: "endpoints", play: |side, stage, tally| cast::<Lobby>(side, stage, tally, visit, host) },
    Scene { name: "waits", play: |side, stage, tally| cast::<PingPong>(side, stage, tally, wait, make_wait) },
    Scene {
        name: "household",
        play: |side, stage, tally| cast::<PingPong>(side, stage, tally, keep_house, pong),
    },
    Scene {
        name: "queue",
        play: |side, stage, tally| cast::<PingPong>(side, stage, tally, keep_order, pong),
    },
    Scene { name: "sums", play: |side, stage, tally| cast::<PingPong>(side, stage, tally, add_up, pong) },
    Scene { name: "labour", play: |side, stage, tally| cast::<PingPong>(side, stage, tally, toil, pong) },
    Scene { name: "larder", play: |side, stage, tally| cast::<PingPong>(side, stage, tally, stock_up, pong) },
];

impl Scene {
    /// The scene of that name.
    pub fn named(name: &str) -> Option<&'static Scene> {
        SCENES.iter().find(|scene| scene.name == name)
    }

    /// Plays a side.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if the other side has gone; anything else is a failure of the system's.
    pub fn play(&self, side: Side, stage: &mut dyn Stage, tally: &mut Tally) -> Result<(), Trouble> {
        (self.play)(side, stage, tally)
    }
}

type Role<E> = fn(E, &mut Tally) -> Result<(), Trouble>;

fn cast<C: Contract>(
    side: Side,
    stage: &mut dyn Stage,
    tally: &mut Tally,
    client_role: Role<C::Client>,
    server_role: Role<C::Server>,
) -> Result<(), Trouble>
where
    C::Client: SendFirst,
{
    match side {
        Side::Client => {
            let client = stage.take()?.downcast().map_err(|_| Trouble::Wrong("it is another endpoint"))?;
            client_role(client, tally)
        }
        Side::Server => {
            let (client, server) = C::channel()?;
            stage.give(AnyEndpoint::new(client))?;
            server_role(server, tally)
        }
    }
}

/// Counts a message that is right.
fn right(tally: &mut Tally, is_right: bool) -> Result<(), Trouble> {
    tally.received += 1;
    if is_right { Ok(()) } else { Err(Trouble::Wrong("a message is not what was sent")) }
}

const ROUNDS: u64 = 3;
/// Of the blocks that are sent. The largest takes pages of its own.
const SIZES: [usize; ROUNDS as usize] = [5, 200, 5000];

/// A block whose content [`is_whole`] knows. Few bytes are written and looked at, since each instruction is a place to die.
fn block(size: usize) -> Result<ExBox<[u8]>, Trouble> {
    let mut block = ExBox::zeroed(size)?;
    for place in places(size) {
        block[place] = size as u8;
    }
    Ok(block)
}

fn is_whole(block: &[u8]) -> bool {
    places(block.len()).iter().all(|place| block[*place] == block.len() as u8)
}

fn places(size: usize) -> [usize; 3] {
    [0, size / 2, size - 1]
}

fn ping(mut client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    for round in 0..ROUNDS {
        let ping_pong::ClientWaiting::Pong { value, next } = tally.hear(client.ping(round))?;
        right(tally, value == round)?;
        client = next;
    }
    Ok(())
}

fn pong(mut server: ping_pong::Server<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    loop {
        let ping_pong::ServerIdle::Ping { value, next } = tally.hear(server)?;
        right(tally, value < ROUNDS)?;
        server = next.pong(value);
    }
}

/// One block is the client's own, which comes back; one is a copy that the server made.
fn lend(mut client: echo::Client<echo::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut kept = Vec::new();
    for size in SIZES {
        let echo::ClientWaiting::Back { block, next } = tally.hear(client.there(block(size)?))?;
        right(tally, block.len() == size && is_whole(&block))?;
        let echo::ClientCopying::Copied { block, next } = tally.hear(next.copy(block))?;
        right(tally, block.len() == size && is_whole(&block))?;
        kept.push(block);
        client = next;
    }
    Ok(())
}

fn give_back(mut server: echo::Server<echo::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    loop {
        server = match tally.hear(server)? {
            echo::ServerIdle::There { block, next } => {
                right(tally, is_whole(&block))?;
                next.back(block)
            }
            echo::ServerIdle::Copy { block, next } => {
                right(tally, is_whole(&block))?;
                next.copied(ExBox::copy_of(&block)?)
            }
        };
    }
}

const ITEMS: u64 = 70;

/// Takes more than the window holds, so that both sides wait.
fn eat(client: feed::Client<feed::Ready>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut feeding = client.start();
    let mut items = 0;
    loop {
        feeding = match tally.hear(feeding)? {
            feed::ClientFeeding::Item { number, next } => {
                right(tally, number == items)?;
                items += 1;
                next
            }
            feed::ClientFeeding::Parcel { block, next } => {
                right(tally, is_whole(&block))?;
                next
            }
            feed::ClientFeeding::Last { .. } => return right(tally, items == ITEMS),
        };
    }
}

fn feed(server: feed::Server<feed::Ready>, tally: &mut Tally) -> Result<(), Trouble> {
    let feed::ServerReady::Start { next: mut feeding } = tally.hear(server)?;
    right(tally, true)?;
    for number in 0..ITEMS {
        feeding = feeding.item(number).map_err(|_| Trouble::Closed)?;
        if number % 16 == 0 {
            feeding = feeding.parcel(block(100)?).map_err(|_| Trouble::Closed)?;
        }
    }
    drop(feeding.last());
    Ok(())
}

/// Enters twice, has one seat guarded while a block is on its way on it, and leaves one seat with a block kept there.
fn visit(client: lobby::Client<lobby::Ready>, tally: &mut Tally) -> Result<(), Trouble> {
    let (first, client) = enter(client, tally)?;
    let (second, client) = enter(client, tally)?;
    let seat::ClientKeeping::Kept { next: first } = tally.hear(first.keep(block(300)?))?;
    right(tally, true)?;
    let lobby::ClientGuarding::Guarded { seat: first, next: client } = tally.hear(client.guard(first))?;
    right(tally, true)?;
    let seat::ClientSwapping::Swapped { block: swapped, next: first } = tally.hear(first.swap(block(40)?))?;
    right(tally, swapped.len() == 300 && is_whole(&swapped))?;
    let seat::ClientKeeping::Kept { next: second } = tally.hear(second.keep(swapped))?;
    right(tally, true)?;
    first.leave();
    let lobby::ClientSettling::Settled { next } = tally.hear(client.settle())?;
    right(tally, true)?;
    drop((second, next));
    Ok(())
}

fn enter(
    client: lobby::Client<lobby::Ready>,
    tally: &mut Tally,
) -> Result<(seat::Client<seat::Idle>, lobby::Client<lobby::Ready>), Trouble> {
    match tally.hear(client.enter())? {
        lobby::ClientEntering::Seated { seat, next } => {
            right(tally, true)?;
            Ok((seat, next))
        }
        lobby::ClientEntering::Full { .. } => Err(Trouble::Exhausted),
    }
}

type Guest = Either<lobby::Server<lobby::Ready>, seat::Server<seat::Idle>>;

/// Serves lobby and seats as one set, until the lobby closes.
fn host(server: lobby::Server<lobby::Ready>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut guests: EndpointSet<Guest, Option<ExBox<[u8]>>> = EndpointSet::new()?;
    guests.insert(Either::This(server), None);
    loop {
        let Event { received, data: kept } = tally.hear_any(&mut guests)?;
        // Who leaves is a seat while there are some; the lobby goes last.
        let Ok(received) = received else {
            if guests.is_empty() {
                return Err(Trouble::Closed);
            }
            continue;
        };
        tally.received += 1;
        let (guest, kept) = match received {
            Either::This(request) => {
                let lobby = match request {
                    lobby::ServerReady::Enter { next } => {
                        let (client, server) = Seat::channel()?;
                        guests.insert(Either::That(server), None);
                        next.seated(client)
                    }
                    lobby::ServerReady::Guard { seat, next } => next.guarded(seat),
                    lobby::ServerReady::Settle { next } => next.settled(),
                };
                (Either::This(lobby), None)
            }
            Either::That(seat::ServerIdle::Leave) => continue,
            Either::That(request) => {
                let (seat, kept) = serve_seat(request, kept)?;
                (Either::That(seat), kept)
            }
        };
        guests.insert(guest, kept);
    }
}

type Kept = Option<ExBox<[u8]>>;

fn serve_seat(request: seat::ServerIdle, kept: Kept) -> Result<(seat::Server<seat::Idle>, Kept), Trouble> {
    Ok(match request {
        seat::ServerIdle::Keep { block, next } if is_whole(&block) => (next.kept(), Some(block)),
        seat::ServerIdle::Swap { block, next } if is_whole(&block) => match kept {
            Some(kept) => (next.swapped(kept), Some(block)),
            None => (next.swapped(block), None),
        },
        seat::ServerIdle::Keep { .. } | seat::ServerIdle::Swap { .. } => {
            return Err(Trouble::Wrong("a block is not what was sent"));
        }
        seat::ServerIdle::Ask { next } => match kept {
            Some(block) => (next.given(block), None),
            None => (next.nothing(), None),
        },
        seat::ServerIdle::Leave => return Err(Trouble::Closed),
    })
}

/// Shorter than the answer takes.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_millis(9);

/// Waits in all ways that there are: for a while, without waiting, on two endpoints at once, and for time to pass.
fn wait(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let waiting = match client.ping(0).receive_by(Instant::now() + SHORT) {
        Err(ReceiveByError::TimedOut(waiting)) => waiting,
        Ok(_) => return Err(Trouble::Wrong("an answer came before it was sent")),
        Err(_) => return Err(Trouble::Closed),
    };
    let waiting = match waiting.try_receive() {
        Err(TryReceiveError::Empty(waiting)) => waiting,
        Ok(_) => return Err(Trouble::Wrong("an answer came before it was sent")),
        Err(_) => return Err(Trouble::Closed),
    };
    let ping_pong::ClientWaiting::Pong { value, next } = tally.hear(waiting)?;
    right(tally, value == 0)?;
    sleep_until(Instant::now() + SHORT);
    // Two at once, of which one has nothing, then neither.
    let (own, own_server) = PingPong::channel()?;
    let (waiting, own_waiting) = (next.ping(1), own.ping(9));
    let (next, own_waiting) = select! {
        received = waiting => {
            let ping_pong::ClientWaiting::Pong { value, next } = received?;
            right(tally, value == 1)?;
            (next, own_waiting)
        }
        _ = own_waiting => return Err(Trouble::Wrong("nobody has answered")),
    };
    let waiting = next.ping(2);
    select! {
        received = waiting => {
            let _answer = received?;
            return Err(Trouble::Wrong("an answer came before it was sent"));
        }
        _ = own_waiting => return Err(Trouble::Wrong("nobody has answered")),
        after Instant::now() + SHORT => {}
    }
    drop(own_server);
    Ok(())
}

/// Answers late.
fn make_wait(mut server: ping_pong::Server<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    loop {
        let ping_pong::ServerIdle::Ping { value, next } = tally.hear(server)?;
        right(tally, value < ROUNDS)?;
        sleep_until(Instant::now() + LONG);
        server = next.pong(value);
    }
}

/// What a process does for itself: memory, blocks, channels and sets of its own, lines of the log.
fn keep_house(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut memory: Vec<Vec<u8>> = Vec::new();
    let mut blocks = Vec::new();
    for round in 0..4 {
        memory.push(alloc::vec![7; 3000 << round]);
        blocks.push(block(100 << (2 * round))?);
    }
    memory.remove(1);
    blocks.remove(2);
    let (own, own_server) = Echo::channel()?;
    let waiting = own.there(block(70)?);
    let mut set = EndpointSet::new()?;
    set.insert(own_server, ());
    rt::log!("keeping house");
    let Ok(echo::ServerIdle::There { block, next }) = set.receive().received else {
        return Err(Trouble::Wrong("a message is not what was sent"));
    };
    drop(set);
    let own_server = next.back(block);
    let echo::ClientWaiting::Back { block, next: own } = waiting.receive()?;
    drop((own_server, own));
    right(tally, is_whole(&block))?;
    ping(client, tally)
}

/// Serves clients of its own: the first to send is the first to be served, whenever it came.
fn keep_order(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut set = EndpointSet::new()?;
    let mut clients = Vec::new();
    for _ in 0..ROUNDS {
        let (own, own_server) = PingPong::channel()?;
        set.insert(own_server, ());
        clients.push(own);
    }
    let waiting: Vec<_> = clients.into_iter().rev().zip(0..).map(|(own, number)| own.ping(number)).collect();
    for number in 0..ROUNDS {
        let Ok(ping_pong::ServerIdle::Ping { value, .. }) = set.receive().received else {
            return Err(Trouble::Wrong("a message is not what was sent"));
        };
        right(tally, value == number)?;
    }
    drop((set, waiting));
    ping(client, tally)
}

/// Computes in vector registers.
fn add_up(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut sums = [0.0; 4];
    for number in 1..=20 {
        let number = f64::from(black_box(number));
        sums.iter_mut().zip([1.0, 2.0, 4.0, 8.0]).for_each(|(sum, factor)| *sum += number * factor);
    }
    right(tally, black_box(sums) == [210.0, 420.0, 840.0, 1680.0])?;
    ping(client, tally)
}

/// Has the kernel do work that takes long.
fn toil(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let small = block(3 << 20)?;
    let large = block(5 << 20)?;
    right(tally, is_whole(&small) && is_whole(&large))?;
    drop((small, large));
    let again = block(4 << 20)?;
    right(tally, is_whole(&again))?;
    ping(client, tally)
}

const SHELVES: usize = 100;

/// Takes memory of every kind, more than a thousand times, and gives it all back.
fn stock_up(client: ping_pong::Client<ping_pong::Idle>, tally: &mut Tally) -> Result<(), Trouble> {
    let mut larder = Vec::new();
    for shelf in 0..SHELVES {
        let (own, own_server) = Echo::channel()?;
        let waiting = own.there(block(70)?);
        let mut set = EndpointSet::new()?;
        set.insert(own_server, ());
        if shelf % 8 == 0 {
            rt::thread::spawn(|| {}).map_err(|_| Trouble::Exhausted)?;
            rt::thread::yield_now();
        }
        let blocks = [block(64 << (shelf % 6))?, block(9000)?];
        larder.push((waiting, set, blocks, alloc::vec![7u8; 5000]));
    }
    right(
        tally,
        larder.iter().all(|(.., blocks, jar)| blocks.iter().all(|block| is_whole(block)) && jar[4999] == 7),
    )?;
    drop(larder);
    ping(client, tally)
}
