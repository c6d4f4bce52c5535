//! A kernel with a bug must fail the campaign, or the campaign proves nothing: one bug in each mechanism that reclaims what a
//! process had.

use std::time::Duration;

use boot::qemu::Outcome;
use contracts::sabotage::{BUGS, Bug};
use libtest_mimic::{Failed, Trial};
use tests::facts;

use crate::report::Row;
use crate::{carry_out, last_words};

const LIMIT: Duration = Duration::from_secs(120);

/// A bug, and the orders that find it.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    bug: Bug,
    orders: &'static str,
}

const CONTROLS: [Control; 12] = [
    Control { bug: Bug::UnmarkedReceive, orders: BLOCKS },
    Control { bug: Bug::TornReceive, orders: BLOCKS },
    Control { bug: Bug::TornSend, orders: BLOCKS },
    Control { bug: Bug::SilentClose, orders: NUMBERS },
    Control { bug: Bug::Undrained, orders: BLOCKS },
    Control { bug: Bug::ForgottenSleeper, orders: "deaths laps=2 of=one" },
    Control { bug: Bug::WokenDead, orders: "funerals count=8" },
    Control { bug: Bug::LeakedPage, orders: NUMBERS },
    Control { bug: Bug::Uncounted, orders: NUMBERS },
    Control { bug: Bug::UntoldEnd, orders: NUMBERS },
    Control { bug: Bug::LastingService, orders: "crashes period=4 count=2" },
    Control { bug: Bug::HalfMapped, orders: "famine who=sip how=once last=100 step=1" },
];
const NUMBERS: &str = "strikes scene=numbers side=client blow=kill seed=0 places=12";
/// Every instruction of a server that only receives blocks and gives them back.
const BLOCKS: &str = "strikes scene=blocks side=server blow=kill seed=0 places=0";

pub(crate) fn all() -> Vec<Control> {
    assert_eq!(CONTROLS.len() + 1, BUGS.len(), "each bug has its control");
    CONTROLS.to_vec()
}

impl Control {
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
pub(crate) fn run(control: &Control) -> Result<Row, Failed> {
    let run = carry_out(&format!("plant bug={}\n{}", control.bug as u8, control.orders), LIMIT)?;
    if facts(&run.log, "planted").len() != 1 {
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
        Some(how) => Ok(Row::control(&control.name(), how)),
        // A machine that was too slow, or that broke, has found nothing.
        None => {
            Err(format!("{:?}, and nothing says what was found: {}", run.outcome, last_words(&run)).into())
        }
    }
}

/// Without a bug the orders of all controls are carried out well.
pub(crate) fn none() -> Trial {
    Trial::test("a_kernel_without_a_bug_passes_what_finds_the_bugs", || {
        let orders: Vec<&str> = CONTROLS.iter().map(|control| control.orders).collect();
        let run = carry_out(&format!("plant bug=0\n{}", orders[2..].join("\n")), LIMIT)?;
        match run.outcome {
            Outcome::Success => Ok(()),
            outcome => Err(format!("{outcome:?}: {}", last_words(&run)).into()),
        }
    })
}
