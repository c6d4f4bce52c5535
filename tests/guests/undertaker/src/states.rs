//! A process ends in each state of each stock contract, on either side.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use contracts::spec::system::Exit;
use contracts::{AnyEndpoint, Description, Endpoint, Side};
use trial::play::{Player, path_to};
use trial::scenes::Stage;
use trial::stock::{Act, CONTRACTS, Stock, with_contract};
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::{Office, Opposite};
use crate::orders::{BAD, Order};

/// `states seed=N laps=N`: that many times, each with made-up messages of its own.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let (seed, laps) = (order.number("seed")?, order.number("laps")?);
    let bystanders = Bystanders::begin(office, 0)?;
    for (number, contract) in CONTRACTS.iter().enumerate() {
        let mut score = Score::default();
        let mut ended_in = [0; 2];
        for lap in 0..laps {
            for state in 0..contract.states.len() as u16 {
                for side in [Side::Client, Side::Server] {
                    let deaths = deaths_in(number, contract, state, side, seed + lap);
                    ended_in[side as usize] += u64::from(lap == 0 && !deaths.is_empty());
                    for death in deaths {
                        settles(office, &mut score, |office, score| {
                            with_contract(number, Attend { office, score, death: &death }).ok_or(BAD)?
                        })?;
                    }
                }
            }
        }
        rt::log!(
            "fact states contract={} client={} server={} injected={} detected={} recovered={}",
            contract.name,
            ended_in[0],
            ended_in[1],
            score.injected,
            score.detected,
            score.recovered
        );
    }
    bystanders.end(office)
}

/// A death in a state.
struct Death {
    number: usize,
    /// The side that ends.
    side: Side,
    seed: u64,
    /// Where it waits for its end.
    halt: &'static str,
    /// What leads to the state.
    path: Vec<u16>,
    /// Whether it ends before it receives the last message.
    early: bool,
}

/// The ways to die in a state: having said or received all that leads there, waiting elsewhere or for the next message; and
/// with the last message not received yet.
fn deaths_in(number: usize, contract: &Description, state: u16, side: Side, seed: u64) -> Vec<Death> {
    let mut deaths = Vec::new();
    let (Some(path), Some(speaker)) = (path_to(contract, state), contract.states[usize::from(state)].speaker)
    else {
        // It is over.
        return deaths;
    };
    let mut add = |halt, early| {
        deaths.push(Death { number, side, seed, halt, path: path.clone(), early });
    };
    add("desk", false);
    if speaker != side {
        add("channel", false);
    }
    let last = path.last().map(|message| contract.messages[usize::from(*message)].sender);
    if last == Some(side.peer()) {
        add("desk", true);
        add("channel", true);
    }
    deaths
}

struct Attend<'a> {
    office: &'a mut Office,
    score: &'a mut Score,
    death: &'a Death,
}

impl Act for Attend<'_> {
    type Output = Result<(), Trouble>;

    fn act<C: Stock>(self) -> Result<(), Trouble> {
        let Death { number, side, seed, halt, path, early } = self.death;
        let (early_message, told) = match path.split_last() {
            Some((last, rest)) if *early => (Some(*last), rest),
            _ => (None, &path[..]),
        };
        let name = if *side == Side::Client { "client" } else { "server" };
        let mut order = format!("play {number} {name} {seed} {halt}");
        told.iter().for_each(|message| add_word(&mut order, *message));
        let patient = self.office.start_victim(&order)?;
        let mut opposite = Opposite::of(self.office.pose()?);
        let mut player = if *side == C::First::SIDE {
            let (first, second) = C::ends()?;
            opposite.give(AnyEndpoint::new(first))?;
            Player::<C>::new(second, *seed)
        } else {
            let end = opposite.take()?.downcast::<C::First>();
            Player::<C>::new(end.map_err(|_| Trouble::Wrong("it is another endpoint"))?, *seed)
        };
        // What it says last is received after its death, unless there is an answer on the way.
        let (late, others) = match told.split_last() {
            Some((last, rest)) if early_message.is_none() && !player.sends(*last) => (Some(*last), rest),
            _ => (None, told),
        };
        for message in others {
            player.go(*message, Office::soon())?;
        }
        let halted = opposite.halted()?;
        if let Some(message) = early_message {
            player.go(message, Office::soon())?;
        }
        self.office.kill(patient.sip)?;
        self.score.injected += 1;
        if let Some(message) = late {
            player.go(message, Office::soon())?;
        }
        player.finds_nobody(Office::soon())?;
        drop(halted);
        if self.office.end_of(patient)? != Exit::Killed {
            return Err(Trouble::Wrong("a process did not end as it was made to"));
        }
        self.score.detected += 1;
        Ok(())
    }
}

fn add_word(order: &mut String, number: u16) {
    // A string takes all that is written to it.
    let _ = write!(order, " {number}");
}
