//! A process is ended, or the core taken from it, at an instruction.

use alloc::format;

use contracts::spec::injector::Blow;
use contracts::spec::system::Exit;
use contracts::testing::Random;
use contracts::{AnyEndpoint, Endpoint, Side};
use trial::play::{Player, side, walk};
use trial::scenes::{Scene, Stage, Tally};
use trial::stock::{Act, CONTRACTS, Stock, with_contract};
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::office::{Office, Opposite};
use crate::orders::{BAD, Order};

/// Further than any process comes; even, see [`has_deadline`].
const NEVER: u64 = u64::MAX - 1;

fn blow(order: &Order<'_>) -> Result<Blow, Trouble> {
    match order.text("blow")? {
        "kill" => Ok(Blow::Kill),
        "preempt" => Ok(Blow::Preempt),
        "kill-in-kernel" => Ok(Blow::KillInKernel),
        _ => Err(BAD),
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// Who is struck, and what it does meanwhile.
#[derive(Clone, Copy)]
struct Role<'a> {
    who: &'a str,
    scene: &'static Scene,
    side: Side,
}

/// What came of a role that was struck.
struct Struck {
    /// Messages that its peer received.
    heard: u64,
    instructions: u64,
    blows: u64,
}

/// `strikes scene=NAME side=SIDE blow=kill places=N seed=N`: the role ends at `places` of its instructions, evenly spread, or
/// at all of them if that is 0. With `blow=preempt every=N` the core is taken from it at every instruction, at every second,
/// and so on to every Nth. With `blow=kill-in-kernel` it ends at the points at which the kernel, at work for it, lets others run.
/// With `who=NAME` another process plays the role than the victim.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let scene = Scene::named(order.text("scene")?).ok_or(BAD)?;
    let (side, blow) = (side(order.text("side")?).ok_or(BAD)?, blow(order)?);
    let role = Role { who: order.text("who").unwrap_or("victim"), scene, side };
    let mut score = Score::default();
    let counted = if blow == Blow::Preempt { Blow::Kill } else { blow };
    let whole =
        settles(office, &mut Score::default(), |office, score| strike(office, score, role, NEVER, counted))?;
    // The way to the same place is not equally long with a peer that has a deadline and one that has none.
    let mut most = [Heard { after: 0, messages: 0 }; 2];
    let mut blows = 0;
    let (range, step) = match blow {
        Blow::Kill | Blow::KillInKernel => {
            let step = whole.instructions.checked_div(order.number("places")?).unwrap_or(1).max(1);
            (order.number("seed")? % step..whole.instructions, step)
        }
        Blow::Preempt => (1..order.number("every")? + 1, 1),
    };
    for after in range.step_by(step as usize) {
        let mut strike_after = |after, score: &mut Score| {
            settles(office, score, |office, score| strike(office, score, role, after, blow))
        };
        let struck = strike_after(after, &mut score)?;
        blows += struck.blows;
        let heard = Heard { after, messages: struck.heard };
        let most = &mut most[usize::from(has_deadline(after))];
        let is_less = match blow {
            // A process that lives longer has said no less.
            Blow::Kill | Blow::KillInKernel => {
                heard.messages < most.messages
                    && most.stands_against(heard, |after| {
                        Ok(strike_after(after, &mut Score::default())?.heard)
                    })?
            }
            // One that is preempted says all.
            Blow::Preempt => heard.messages != whole.heard,
        };
        if is_less {
            rt::log!("after {after}: {} messages; after {}: {}", heard.messages, most.after, most.messages);
            return Err(Trouble::Wrong("a message was lost that was sent before the end"));
        }
        *most = heard;
    }
    rt::log!(
        "fact strikes who={} scene={} side={} blow={blow:?} instructions={} heard={} blows={blows} injected={} \
         detected={} recovered={}",
        role.who,
        scene.name,
        name(side),
        whole.instructions,
        whole.heard,
        score.injected,
        score.detected,
        score.recovered
    );
    Ok(())
}

/// How many messages a peer received of a process that was struck.
#[derive(Clone, Copy)]
struct Heard {
    /// After so many instructions.
    after: u64,
    messages: u64,
}

/// Times that both are tried again of two places that contradict each other.
const TRIALS: usize = 3;

impl Heard {
    /// Whether it is true each time that more was heard here than at a `later` place. A tick of the timer can spare a process a
    /// wait, so that it comes further than usual; but not each time.
    fn stands_against(
        self,
        later: Heard,
        mut again: impl FnMut(u64) -> Result<u64, Trouble>,
    ) -> Result<bool, Trouble> {
        for _ in 0..TRIALS {
            if again(self.after)? <= again(later.after)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether the peer of a process that is struck after so many instructions waits with a deadline.
fn has_deadline(after: u64) -> bool {
    after.is_multiple_of(2)
}

/// Plays one side against a process that is struck. Half of the time the peer waits with a deadline: then one that would
/// wait for good is found; else the two hand the core to each other.
fn strike(
    office: &mut Office,
    score: &mut Score,
    Role { who, scene, side }: Role<'_>,
    after: u64,
    blow: Blow,
) -> Result<Struck, Trouble> {
    let patient = office.start_planted(who, &format!("scene {} {}", scene.name, name(side)))?;
    let mut opposite = Opposite::of(office.pose()?);
    office.strike(patient.sip, after, blow)?;
    let patience = has_deadline(after).then(Office::soon);
    let mut tally = Tally { patience, received: 0 };
    match scene.play(side.peer(), &mut opposite, &mut tally) {
        Ok(()) | Err(Trouble::Closed) => {}
        Err(trouble) => return Err(trouble),
    }
    let done = opposite.done();
    drop(opposite);
    let exit = office.end_of(patient)?;
    let (instructions, blows) = office.count()?;
    let as_planned = match (blow, blows) {
        (Blow::Kill | Blow::KillInKernel, 1) => exit == Exit::Killed,
        // It came to its end before the blow.
        _ => exit == Exit::Success && done.is_ok(),
    };
    if !as_planned {
        rt::log!("{exit:?}, {blows} blows, {done:?}");
        return Err(Trouble::Wrong("a process did not end as it was made to"));
    }
    // One on whom no blow fell has ended as ever.
    if blows > 0 {
        score.injected += 1;
        score.detected += 1;
    }
    Ok(Struck { heard: tally.received, instructions, blows })
}

/// `walks seed=N count=N`: that many random sessions of stock contracts, each struck at a random instruction.
pub(crate) fn run_walks(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let mut random = Random::new(order.number("seed")?);
    let mut score = Score::default();
    let count = order.number("count")?;
    // A blow that comes too late is none.
    while score.injected < count {
        let number = random.below(CONTRACTS.len());
        let side = if random.below(2) == 0 { Side::Client } else { Side::Server };
        let mut walk = Walk { number, side, seed: random.bits(), steps: 1 + random.below(6), after: NEVER };
        let instructions = settles(office, &mut Score::default(), |office, score| {
            with_contract(number, Follow { office, score, walk }).ok_or(BAD)?
        })?;
        walk.after = random.below(instructions as usize) as u64;
        settles(office, &mut score, |office, score| {
            with_contract(number, Follow { office, score, walk }).ok_or(BAD)?
        })?;
    }
    let Score { injected, detected, recovered } = score;
    rt::log!("fact walks injected={injected} detected={detected} recovered={recovered}");
    Ok(())
}

#[derive(Clone, Copy)]
struct Walk {
    number: usize,
    side: Side,
    seed: u64,
    steps: usize,
    after: u64,
}

struct Follow<'a> {
    office: &'a mut Office,
    score: &'a mut Score,
    walk: Walk,
}

impl Act for Follow<'_> {
    /// The instructions that the process executed.
    type Output = Result<u64, Trouble>;

    fn act<C: Stock>(self) -> Result<u64, Trouble> {
        let Walk { number, side, seed, steps, after } = self.walk;
        let path = walk(C::DESCRIPTION, seed, steps);
        let mut order = format!("play {number} {} {seed} desk", name(side));
        path.iter().for_each(|message| order.push_str(&format!(" {message}")));
        let patient = self.office.start_victim(&order)?;
        let mut opposite = Opposite::of(self.office.pose()?);
        self.office.strike(patient.sip, after, Blow::Kill)?;
        match follow::<C>(&mut opposite, side, seed, &path) {
            Ok(()) | Err(Trouble::Closed) => {}
            Err(trouble) => return Err(trouble),
        }
        let exit = self.office.end_of(patient)?;
        let (instructions, blows) = self.office.count()?;
        if exit != if blows == 1 { Exit::Killed } else { Exit::Success } {
            return Err(Trouble::Wrong("a process did not end as it was made to"));
        }
        if blows > 0 {
            self.score.injected += 1;
            self.score.detected += 1;
        }
        Ok(instructions)
    }
}

fn follow<C: Stock>(opposite: &mut Opposite, side: Side, seed: u64, path: &[u16]) -> Result<(), Trouble> {
    let mut player = if side == C::First::SIDE {
        let (first, second) = C::ends()?;
        opposite.give(AnyEndpoint::new(first))?;
        Player::<C>::new(second, seed)
    } else {
        let end = opposite.take()?.downcast::<C::First>();
        Player::<C>::new(end.map_err(|_| Trouble::Wrong("it is another endpoint"))?, seed)
    };
    for message in path {
        player.go(*message, Office::soon())?;
    }
    let halted = opposite.halted().map_err(|_| Trouble::Closed)?;
    opposite.playing = Some(halted.resume());
    opposite.done().map(|_| ())
}
