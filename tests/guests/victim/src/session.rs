//! A side of a session of a stock contract.

use alloc::vec::Vec;

use contracts::{AnyEndpoint, Endpoint, Instant, Side};
use trial::play::Player;
use trial::pose::Pose;
use trial::scenes::Stage;
use trial::stock::{Act, Stock};
use trial::trouble::Trouble;

const FOREVER: Instant = Instant::from_nanos(u64::MAX);

/// Where it stops when all messages are through.
pub(crate) enum Halt {
    AtDesk,
    InChannel,
}

/// The side to play, and how.
pub(crate) struct Session<'a> {
    pub(crate) pose: &'a mut Pose,
    pub(crate) side: Side,
    pub(crate) seed: u64,
    pub(crate) halt: Halt,
    pub(crate) messages: Vec<u16>,
}

impl Act for Session<'_> {
    type Output = Result<u64, Trouble>;

    fn act<C: Stock>(self) -> Result<u64, Trouble> {
        if self.side == C::First::SIDE {
            let end = self.pose.take()?.downcast::<C::First>();
            let end = end.map_err(|_| Trouble::Wrong("it is another endpoint"))?;
            let player = Player::<C>::new(end, self.seed);
            self.run(player)
        } else {
            let (first, second) = C::ends()?;
            self.pose.give(AnyEndpoint::new(first))?;
            let player = Player::<C>::new(second, self.seed);
            self.run(player)
        }
    }
}

impl Session<'_> {
    fn run<C: Stock>(self, mut player: Player<C>) -> Result<u64, Trouble> {
        for message in self.messages {
            match player.go(message, FOREVER) {
                Err(Trouble::Closed) => return Ok(player.received()),
                went => went?,
            }
        }
        self.pose.halt()?;
        match self.halt {
            Halt::InChannel if player.receives() => player.wait()?,
            _ => self.pose.wait()?,
        }
        Ok(player.received())
    }
}
