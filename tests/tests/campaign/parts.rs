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
    /// How often something is injected at least, for each row of the table.
    pub(crate) least: u64,
    /// Finds that it did all kinds of things that it should have.
    pub(crate) check: fn(log: &str, rows: &[Row]) -> Result<(), Failed>,
}

/// Roles of scenes that have things to do of their own. The peer of each is checked at the same time.
pub(crate) const ROLES: [(&str, &str); 13] = [
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
    ("queue", "client"),
    ("sums", "client"),
];

/// Who has the kernel do long work: a SIP, and a domain.
const POINTS: [&str; 2] = ["victim", "inmate"];
const TOIL: &str = "strikes scene=labour side=client blow=kill-in-kernel";

/// Kinds of processes that `deaths` ends: of one thread; of several, of which the first ends all, or another one; the same in a
/// domain; attackers in a domain; of an image that nobody else has.
const KINDS: [&str; 8] =
    ["one", "threads", "another", "caged:", "caged_threads", "caged,_another", "domain", "image"];
/// Ways to die that it knows, of all kinds.
const WAYS: usize = 93;

/// Limits that a manifest sets.
const LIMITS: usize = 6;

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
            least: of(1, 20),
            check: all_states,
        },
        Part {
            name: "a_process_can_end_at_every_instruction_of_send_receive_hand_off_and_close",
            orders: strikes(&format!("blow=kill seed={seed} places={}", of(25, 0))),
            least: of(20, 400),
            check: all_roles,
        },
        Part {
            name: "a_process_can_end_at_every_point_at_which_the_kernel_lets_others_run",
            orders: POINTS.map(|who| format!("{TOIL} who={who} seed={seed} places=0\n")).concat(),
            least: 15,
            check: |_, rows| {
                if rows.len() == POINTS.len() { Ok(()) } else { Err("a process is missing".into()) }
            },
        },
        Part {
            name: "the_core_can_be_taken_from_a_process_at_every_instruction",
            orders: strikes(&format!("blow=preempt every={}", of(2, 100))),
            least: of(2, 100),
            check: all_roles,
        },
        Part {
            name: "a_process_can_end_at_any_instruction_of_random_sessions_of_stock_contracts",
            orders: format!("walks seed={seed} count={}", of(30, 5000)),
            least: of(30, 5000),
            check: |_, _| Ok(()),
        },
        Part {
            name: "a_process_can_end_in_every_way_while_others_talk",
            orders: KINDS.map(|kind| format!("deaths laps={} of={kind}\n", of(8, 1000))).concat(),
            least: of(8, 1000),
            check: |log, rows| match rows.len() {
                WAYS => bystanders_talked(log, 1000),
                _ => Err("a way to die is missing".into()),
            },
        },
        Part {
            name: "a_process_can_end_while_another_is_being_reclaimed",
            orders: format!("funerals count={}", of(3, 200)),
            least: of(6, 400),
            check: |_, _| Ok(()),
        },
        Part {
            name: "what_a_process_made_and_sent_can_outlive_it",
            orders: format!("heirs count={}", of(2, 200)),
            least: of(12, 1200),
            check: |_, _| Ok(()),
        },
        Part {
            name: "a_server_can_end_again_and_again_and_no_client_hangs",
            orders: format!("crashes period={} count={}", of(20, 1000), of(15, 30)),
            least: of(15, 30),
            check: |_, _| Ok(()),
        },
        Part {
            name: "a_process_that_fails_again_and_again_is_started_ever_later_and_given_up",
            orders: format!("restarts laps={}", of(2, 250)),
            least: of(8, 1000),
            check: |_, _| Ok(()),
        },
        Part {
            name: "memory_can_run_out_at_every_point_for_a_process_or_for_the_kernel",
            orders: famines(of(41, 1)),
            least: 10,
            check: |log, rows| match rows.len() {
                6 => bystanders_talked(log, 100),
                _ => Err("a famine is missing".into()),
            },
        },
        Part {
            name: "a_process_can_live_on_what_it_gives_back",
            orders: POINTS.map(|who| format!("upkeep who={who} rounds={}\n", of(200, 20_000))).concat(),
            least: of(200, 20_000),
            check: |_, rows| {
                if rows.len() == POINTS.len() { Ok(()) } else { Err("a process is missing".into()) }
            },
        },
        Part {
            name: "a_process_can_run_into_each_of_its_limits",
            orders: format!("limits laps={}", of(3, 1000)),
            least: of(3, 1000),
            check: |log, rows| match rows.len() {
                LIMITS => bystanders_talked(log, 100),
                _ => Err("a limit is missing".into()),
            },
        },
        Part {
            name: "a_process_can_close_its_service_and_live_on",
            orders: format!("shop count={}", of(5, 1000)),
            least: of(5, 1000),
            check: |_, _| Ok(()),
        },
        Part {
            name: "processes_that_give_the_core_to_nobody_take_turns",
            orders: format!("turns laps={}", of(1, 50)),
            least: of(20, 1000),
            check: |_, _| Ok(()),
        },
        Part {
            name: "processes_can_be_made_talk_and_end_for_ever",
            orders: format!("cycles count={}", of(2000, 1_000_000)),
            least: of(2000, 1_000_000),
            check: cycles_take_no_longer,
        },
    ]
}

/// Refused once, refused for good, and drained, for a process and for the kernel, at every so-manieth time that memory is asked for.
fn famines(process_step: u64) -> String {
    let mut orders = String::new();
    for (who, step) in [("kernel", 1), ("sip", process_step)] {
        for how in ["once", "lasting", "drained"] {
            orders += &format!("famine who={who} how={how} last=1000 step={step}\n");
        }
    }
    orders
}

/// Finds that each row's number is at least this.
pub(crate) fn at_least(rows: &[Row], count: u64) -> Result<(), Failed> {
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
    bystanders_talked(log, 1000)
}

/// The bystanders had so many messages in each of their sessions.
fn bystanders_talked(log: &str, least: u64) -> Result<(), Failed> {
    let sessions = facts(log, "bystanders");
    match sessions.iter().find(|session| session.get::<u64>("received") < least) {
        _ if sessions.is_empty() => Err("there were no bystanders".into()),
        Some(session) => Err(format!("the bystanders were kept from talking: {session}").into()),
        None => Ok(()),
    }
}

/// A life in the last tenth of them takes as many instructions as in the first, within a twentieth.
fn cycles_take_no_longer(log: &str, _: &[Row]) -> Result<(), Failed> {
    let cycles = &facts(log, "cycles")[0];
    let [first, last] = ["first", "last"].map(|key| cycles.get::<u64>(key));
    if last * 20 > first * 21 {
        return Err(format!("lives take longer and longer: {cycles}").into());
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
