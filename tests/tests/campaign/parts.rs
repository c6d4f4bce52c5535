//! The parts of the campaign: what the undertaker is told to do, and what is expected of it beyond what it checks itself.

use contracts::spec::ALL;
use libtest_mimic::Failed;
use tests::facts;

use crate::Scale;
use crate::report::Row;

/// A part.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) orders: String,
    /// Finds that it did as much as it should have.
    pub(crate) check: fn(log: &str, rows: &[Row]) -> Result<(), Failed>,
}

/// Roles of scenes that have things to do of their own. The peer of each is checked at the same time.
pub(crate) const ROLES: [(&str, &str); 11] = [
    ("numbers", "client"),
    ("numbers", "server"),
    ("blocks", "client"),
    ("blocks", "server"),
    ("stream", "client"),
    ("stream", "server"),
    ("endpoints", "client"),
    ("endpoints", "server"),
    ("waits", "client"),
    ("waits", "server"),
    ("household", "client"),
];

/// Ways to die that `deaths` knows.
const WAYS: usize = 14;

/// All parts, with a seed for what is left to chance.
pub(crate) fn all(scale: Scale, seed: u64) -> Vec<Part> {
    let of = |sample: u64, whole: u64| if scale == Scale::Whole { whole } else { sample };
    let strikes = |rest: &str| {
        let lines = ROLES.map(|(scene, side)| format!("strikes scene={scene} side={side} {rest}\n"));
        lines.concat()
    };
    vec![
        Part {
            name: "a_process_can_end_in_every_state_of_every_stock_contract_on_either_side",
            orders: format!("states seed={seed} laps={}", of(1, 20)),
            check: all_states,
        },
        Part {
            name: "a_process_can_end_at_every_instruction_of_send_receive_hand_off_and_close",
            orders: strikes(&format!("blow=kill seed={seed} places={}", of(25, 0))),
            check: all_roles,
        },
        Part {
            name: "the_core_can_be_taken_from_a_process_at_every_instruction",
            orders: strikes(&format!("blow=preempt every={}", of(2, 100))),
            check: all_roles,
        },
        Part {
            name: "a_process_can_end_at_any_instruction_of_random_sessions_of_stock_contracts",
            orders: format!("walks seed={seed} count={}", of(30, 5000)),
            check: |_, rows| at_least(rows, 30),
        },
        Part {
            name: "a_process_can_end_in_every_way_while_others_talk",
            orders: format!("deaths laps={}", of(8, 1000)),
            check: |_, rows| {
                if rows.len() == WAYS { at_least(rows, 8) } else { Err("a way to die is missing".into()) }
            },
        },
        Part {
            name: "a_process_can_end_while_another_is_being_reclaimed",
            orders: format!("funerals count={}", of(3, 200)),
            check: |_, rows| at_least(rows, 6),
        },
        Part {
            name: "a_server_can_end_again_and_again_and_no_client_hangs",
            orders: format!("crashes period={} count={}", of(20, 1000), of(15, 30)),
            check: |_, rows| at_least(rows, 15),
        },
        Part {
            name: "memory_can_run_out_at_every_point_for_a_process_or_for_the_kernel",
            orders: famines(of(41, 1)),
            check: |_, rows| {
                if rows.len() == 4 { at_least(rows, 10) } else { Err("a famine is missing".into()) }
            },
        },
        Part {
            name: "processes_can_be_made_talk_and_end_for_ever",
            orders: format!("cycles count={}", of(2000, 1_000_000)),
            check: |_, rows| at_least(rows, 2000),
        },
    ]
}

/// Once and for good, for a process and for the kernel, at every so-manieth time that memory is asked for.
fn famines(process_step: u64) -> String {
    let mut orders = String::new();
    for (who, step) in [("kernel", 1), ("sip", process_step)] {
        for how in ["once", "lasting"] {
            orders += &format!("famine who={who} how={how} last=1000 step={step}\n");
        }
    }
    orders
}

fn at_least(rows: &[Row], count: u64) -> Result<(), Failed> {
    match rows {
        [] => Err("nothing was done".into()),
        rows if rows.iter().all(|row| row.injected >= count) => Ok(()),
        rows => Err(format!("less was done than {count}: {rows:?}").into()),
    }
}

/// Each state in which something can be said, of each contract that there is, on both sides.
fn all_states(log: &str, _: &[Row]) -> Result<(), Failed> {
    let found = facts(log, "states");
    for contract in ALL {
        let states = contract.states.iter().filter(|state| state.speaker.is_some()).count() as u64;
        let Some(fact) = found.iter().find(|fact| fact.text("contract") == contract.name) else {
            return Err(format!("{} is missing from trial::stock", contract.name).into());
        };
        if [fact.get::<u64>("client"), fact.get("server")] != [states; 2] {
            return Err(format!("{} has {states} states: {fact}", contract.name).into());
        }
    }
    let bystanders = &facts(log, "bystanders")[0];
    if bystanders.get::<u64>("received") < 1000 {
        return Err(format!("the bystanders were kept from talking: {bystanders}").into());
    }
    Ok(())
}

/// Blows fell in each role, and each role had something to say.
fn all_roles(log: &str, _: &[Row]) -> Result<(), Failed> {
    let found = facts(log, "strikes");
    if found.len() != ROLES.len() {
        return Err("a role is missing".into());
    }
    match found.iter().find(|fact| fact.get::<u64>("blows") == 0 || fact.get::<u64>("heard") == 0) {
        Some(fact) => Err(format!("nothing happened: {fact}").into()),
        None => Ok(()),
    }
}
