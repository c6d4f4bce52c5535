//! A session of whatever contract along a path that both sides know, its messages made up from a seed, and checked.

use alloc::vec::Vec;

use contracts::testing::{Random, made_up};
use contracts::wire::{Dynamic, Message, Packet, ReceiveError, Unsent, encode};
use contracts::{Description, Endpoint, Instant, Side};

use crate::trouble::Trouble;

/// The steps from a state: each message with its sender and the state that follows.
fn steps(contract: &Description, state: u16) -> impl Iterator<Item = (u16, u16)> {
    contract.messages.iter().enumerate().flat_map(move |(number, message)| {
        let steps = message.steps.iter().filter(move |(from, _)| *from == state);
        steps.map(move |(_, to)| (number as u16, *to))
    })
}

/// The messages of a shortest run from the start of a contract to `state`; none if it is not reached.
pub fn path_to(contract: &Description, state: u16) -> Option<Vec<u16>> {
    let mut reached = alloc::vec![(contract.start, Vec::new())];
    let mut next = 0;
    while let Some((from, path)) = reached.get(next).cloned() {
        if from == state {
            return Some(path);
        }
        for (message, to) in steps(contract, from) {
            if reached.iter().all(|(known, _)| *known != to) {
                reached.push((to, path.iter().copied().chain([message]).collect()));
            }
        }
        next += 1;
    }
    None
}

/// The messages of a run of `most` steps at most that chance takes.
pub fn walk(contract: &Description, seed: u64, most: usize) -> Vec<u16> {
    let mut random = Random::new(seed);
    let mut state = contract.start;
    let mut path = Vec::new();
    while path.len() < most {
        let choices: Vec<(u16, u16)> = steps(contract, state).collect();
        let Some((message, to)) = choices.get(random.below(choices.len())) else { break };
        path.push(*message);
        state = *to;
    }
    path
}

/// One side of a session.
pub struct Player<C> {
    end: Dynamic<C>,
    seed: u64,
    step: u64,
    received: u64,
}

impl<C: Message> Player<C> {
    /// At the start of a session.
    pub fn new<E: Endpoint<Contract = C>>(end: E, seed: u64) -> Self {
        Player { end: Dynamic::new(end), seed, step: 0, received: 0 }
    }

    /// Messages received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the session is in a state in which this side receives.
    pub fn receives(&self) -> bool {
        self.end.monitor().speaker() == Some(self.end.side().peer())
    }

    /// Whether it is this side that sends message `number`.
    pub fn sends(&self, number: u16) -> bool {
        C::DESCRIPTION.messages[usize::from(number)].sender == self.end.side()
    }

    fn made_up(&self, number: u16) -> C {
        let step = self.step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        made_up(number, &mut Random::new(self.seed ^ step))
    }

    /// Sends message `number`, or receives it and finds it to be what the peer should have sent.
    ///
    /// # Errors
    /// [`Trouble::Closed`] if it cannot be received because the peer is gone; anything else is a failure of the system's.
    pub fn go(&mut self, number: u16, deadline: Instant) -> Result<(), Trouble> {
        if self.sends(number) {
            let message = self.made_up(number);
            self.send(message)?;
        } else {
            let expected = self.made_up(number);
            let message = self.receive(deadline)?;
            let is_expected =
                message.number() == number && in_wire_form(message)?.is_like(&in_wire_form(expected)?);
            if !is_expected {
                return Err(Trouble::Wrong("a message is not what was sent"));
            }
            self.received += 1;
        }
        self.step += 1;
        Ok(())
    }

    fn send(&mut self, message: C) -> Result<(), Trouble> {
        self.end.send(message).map_err(|unsent| match unsent {
            Unsent::Closed(_) => Trouble::Closed,
            Unsent::Full(_) | Unsent::Forbidden(..) => Trouble::Wrong("a send was refused"),
        })
    }

    fn receive(&mut self, deadline: Instant) -> Result<C, Trouble> {
        const WAITS: Trouble = Trouble::Wrong("a peer of a process that ended waits for good");
        let received = self.end.receive_by(deadline);
        // What is found only at the deadline woke nobody.
        if Instant::now() >= deadline {
            return Err(WAITS);
        }
        received.map_err(|error| match error {
            ReceiveError::Closed => Trouble::Closed,
            ReceiveError::TimedOut => WAITS,
            ReceiveError::OverLimit => Trouble::Wrong("a message breaks the limit"),
            ReceiveError::NotNow { .. } => Trouble::Wrong("the path is not the contract's"),
        })
    }

    /// Waits for a message that does not come.
    ///
    /// # Errors
    /// [`Trouble::Closed`] as it should be.
    pub fn wait(&mut self) -> Result<(), Trouble> {
        match self.end.receive() {
            Err(ReceiveError::Closed) => Err(Trouble::Closed),
            _ => Err(Trouble::Wrong("a message came that nobody sent")),
        }
    }

    /// Finds that the peer is gone: its end is closed, what this side may still say is sent, and nothing comes any more.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn finds_nobody(mut self, deadline: Instant) -> Result<(), Trouble> {
        // A side that waits is woken. One that speaks next can only look; what it then says to nobody is sent all the same.
        while !self.receives() {
            if !self.end.peer_closed() {
                return Err(Trouble::Wrong("the end of a process that ended is open"));
            }
            let Some(number) = self.way_to_receive() else { return Ok(()) };
            let message = self.made_up(number);
            match self.send(message) {
                Ok(()) => self.step += 1,
                Err(Trouble::Closed) => return Ok(()),
                Err(trouble) => return Err(trouble),
            }
        }
        match self.receive(deadline) {
            Err(Trouble::Closed) => Ok(()),
            Err(trouble) => Err(trouble),
            Ok(_) => Err(Trouble::Wrong("a message came that nobody sent")),
        }
    }

    /// The first of the fewest messages with which this side comes to a state in which it receives; if it cannot, one that
    /// ends the session; none if the session is over.
    fn way_to_receive(&self) -> Option<u16> {
        let here = self.end.monitor().state();
        let mut reached = alloc::vec![here];
        let mut firsts: Vec<Option<u16>> = alloc::vec![None];
        let mut next = 0;
        while let Some(from) = reached.get(next).copied() {
            for (message, to) in steps(C::DESCRIPTION, from) {
                if reached.contains(&to) {
                    continue;
                }
                let first = firsts[next].unwrap_or(message);
                if C::DESCRIPTION.states[usize::from(to)].speaker == Some(self.end.side().peer()) {
                    return Some(first);
                }
                reached.push(to);
                firsts.push(Some(first));
            }
            next += 1;
        }
        firsts.last().copied().flatten()
    }
}

fn in_wire_form<C: Message>(message: C) -> Result<Packet, Trouble> {
    encode(message).map_err(|_| Trouble::Exhausted)
}

/// A side from a word.
pub fn side(word: &str) -> Option<Side> {
    match word {
        "client" => Some(Side::Client),
        "server" => Some(Side::Server),
        _ => None,
    }
}
