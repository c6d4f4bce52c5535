//! A kernel with a bug must fail the campaign, or the campaign proves nothing: one bug in each mechanism that reclaims what a
//! process had.

use std::time::Duration;

use boot::qemu::Outcome;
use contracts::sabotage::{BUGS, Bug};
use libtest_mimic::{Failed, Trial};
use tests::facts;

use crate::report::Caught;
use crate::{carry_out, last_words};

const LIMIT: Duration = Duration::from_secs(120);

/// A bug, the mechanism that it takes something from, and the orders that find it.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    bug: Bug,
    mechanism: &'static str,
    orders: &'static str,
}

const fn control(bug: Bug, mechanism: &'static str, orders: &'static str) -> Control {
    Control { bug, mechanism, orders }
}

#[rustfmt::skip]
const CONTROLS: &[Control] = &[
    control(Bug::UnmarkedReceive, "region marks", BLOCKS),
    control(Bug::UnmarkedNew, "region marks", NUMBERS),
    control(Bug::UnmarkedClient, "region marks", CRASHES),
    control(Bug::TornReceive, "steps", BLOCKS),
    control(Bug::TornSend, "steps", BLOCKS),
    control(Bug::SilentClose, "Closed for the peer", NUMBERS),
    control(Bug::Undrained, "drain of undelivered messages", BLOCKS),
    control(Bug::UnclosedGift, "drain of undelivered messages", ENDPOINTS),
    control(Bug::DroppedLast, "messages before Closed", NUMBERS),
    control(Bug::Uncounted, "accounts", NUMBERS),
    control(Bug::LastingSet, "sets", HOUSEHOLD),
    control(Bug::KeptSet, "sets", UPKEEP),
    control(Bug::StrandedClient, "sets", SHOP),
    control(Bug::LastServedFirst, "sets", QUEUE),
    control(Bug::ForgottenMember, "sets", HOUSEHOLD),
    control(Bug::ForgottenSleeper, "sleepers", "deaths laps=2 of=one"),
    control(Bug::LastingSleeper, "sleepers", WAITS),
    control(Bug::WokenDead, "threads", "funerals count=8"),
    control(Bug::LeakedStack, "stacks of threads", UPKEEP),
    control(Bug::TakenSlot, "stacks of threads", UPKEEP),
    control(Bug::LostVectors, "vector registers", "strikes scene=sums side=client blow=preempt every=3"),
    control(Bug::NoRoundRobin, "turns", TURNS),
    control(Bug::OnePriority, "priorities", TURNS),
    control(Bug::UnlimitedTime, "limits", LIMITS),
    control(Bug::UnlimitedMemory, "limits", LIMITS),
    control(Bug::UnlimitedBlocks, "limits", LIMITS),
    control(Bug::UnlimitedGifts, "limits", LIMITS),
    control(Bug::UnlimitedChannels, "limits", LIMITS),
    control(Bug::UnlimitedThreads, "limits", LIMITS),
    control(Bug::LeakedShadow, "what a domain shares with the kernel", UPKEEP_IN_DOMAIN),
    control(Bug::LeakedHandle, "what a domain shares with the kernel", UPKEEP_IN_DOMAIN),
    control(Bug::MappedBlock, "what a domain shares with the kernel", UPKEEP_IN_DOMAIN),
    control(Bug::NoHeadroom, "room on the stack", "deaths laps=1 of=one_thread:_stack_overflow_into"),
    control(Bug::LeakedPage, "windows", NUMBERS),
    control(Bug::HalfMapped, "memory that runs out", "famine who=sip how=once last=100 step=1"),
    control(Bug::NoReserve, "memory that runs out", "famine who=kernel how=drained last=100 step=1"),
    control(Bug::LeakedSpace, "spaces of domains", DOMAIN),
    control(Bug::LeakedImage, "images", IMAGE),
    control(Bug::FreedShared, "images", NUMBERS),
    control(Bug::LeakedAccount, "accounts", NUMBERS),
    control(Bug::EarlyAccount, "accounts that outlive their SIP", "heirs count=2"),
    control(Bug::UntoldEnd, "who waits for an end", NUMBERS),
    control(Bug::LateRecord, "fault records", FAULT),
    control(Bug::EmptyRecord, "fault records", FAULT),
    control(Bug::LostLines, "fault records", "deaths laps=1 of=one_thread:_failure"),
    control(Bug::WrongState, "fault records", FAULT),
    control(Bug::NoBackOff, "restart policy", RESTARTS),
    control(Bug::NeverGivenUp, "restart policy", RESTARTS),
    control(Bug::LastingService, "services", CRASHES),
    control(Bug::StaleService, "services", SHOP),
];
const NUMBERS: &str = "strikes scene=numbers side=client blow=kill seed=0 places=12";
const ENDPOINTS: &str = "strikes scene=endpoints side=client blow=kill seed=0 places=100";
const HOUSEHOLD: &str = "strikes scene=household side=client blow=kill seed=0 places=25";
const WAITS: &str = "strikes scene=waits side=client blow=kill seed=0 places=4";
/// Every instruction of a server that only receives blocks and gives them back.
const BLOCKS: &str = "strikes scene=blocks side=server blow=kill seed=0 places=0";
const QUEUE: &str = "strikes scene=queue side=client blow=kill seed=0 places=4";
const UPKEEP: &str = "upkeep who=victim rounds=100";
const UPKEEP_IN_DOMAIN: &str = "upkeep who=inmate rounds=100";
const SHOP: &str = "shop count=2";
const TURNS: &str = "turns laps=1";
const LIMITS: &str = "limits laps=1";
const RESTARTS: &str = "restarts laps=1";
const CRASHES: &str = "crashes period=20 count=2";
const FAULT: &str = "deaths laps=1 of=one_thread:_page_fault";
const DOMAIN: &str = "deaths laps=1 of=domain:_return";
const IMAGE: &str = "deaths laps=1 of=image";

pub(crate) fn all() -> Vec<Control> {
    assert_eq!(CONTROLS.len() + 1, BUGS.len(), "each bug has its control");
    CONTROLS.to_vec()
}

/// The orders of all controls, each once.
fn all_orders() -> String {
    let mut orders: Vec<&str> = CONTROLS.iter().map(|control| control.orders).collect();
    orders.sort_unstable();
    orders.dedup();
    orders.join("\n")
}

impl Control {
    /// Whether the bug is the supervisor's, and may be found before the first order.
    fn is_planted_at_boot(&self) -> bool {
        self.orders == RESTARTS
    }

    /// The bug's name in words.
    pub(crate) fn name(&self) -> String {
        let mut name = String::new();
        for letter in format!("{:?}", self.bug).chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push(' ');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// Runs a control. How the bug was found out, if it was.
pub(crate) fn run(control: &Control) -> Result<Caught, Failed> {
    let run = carry_out(&format!("plant bug={}\n{}", control.bug as u8, control.orders), control.bug, LIMIT)?;
    if facts(&run.log, "planted").len() != 1 && !control.is_planted_at_boot() {
        return Err(format!("the bug was not planted: {}", last_words(&run)).into());
    }
    let how = match run.outcome {
        Outcome::Success => return Err("the bug was not found".into()),
        Outcome::Panic => run.log.lines().find(|line| line.starts_with("kernel panic")),
        _ => {
            let found = run.log.lines().find_map(|line| line.split_once("fact failed "));
            found.map(|(_, why)| why.split_once(" (").map_or(why, |(why, _)| why))
        }
    };
    match how {
        Some(how) => Ok(Caught {
            bug: control.name(),
            mechanism: control.mechanism,
            orders: control.orders,
            how: how.to_owned(),
        }),
        // A machine that was too slow, or that broke, has found nothing.
        None => {
            Err(format!("{:?}, and nothing says what was found: {}", run.outcome, last_words(&run)).into())
        }
    }
}

/// Without a bug the orders of all controls are carried out well.
pub(crate) fn none() -> Trial {
    Trial::test("a_kernel_without_a_bug_passes_what_finds_the_bugs", || {
        let run = carry_out(&format!("plant bug=0\n{}", all_orders()), Bug::None, LIMIT)?;
        match run.outcome {
            Outcome::Success => Ok(()),
            outcome => Err(format!("{outcome:?}: {}", last_words(&run)).into()),
        }
    })
}
