use alloc::format;
use alloc::string::ToString;

use contracts::restart::{DEFAULT, Restart};
use proptest::prelude::*;

use super::*;

const WHY: Text<200> = Text::EMPTY;

fn at(milliseconds: u64) -> Instant {
    Instant::from_nanos(milliseconds * 1_000_000)
}

fn policy(restart: Restart) -> Policy {
    Policy { restart, give_up_after: 3, ..DEFAULT }
}

fn part(name: &str, needs: &[&str]) -> Supervised {
    Supervised {
        name: name.into(),
        policy: policy(Restart::OnFailure),
        needs: needs.iter().map(ToString::to_string).collect(),
        role: Role::Part,
    }
}

/// `pong`, `ping` that needs it, `other`, and the purpose `shell` that needs `ping`.
fn roster() -> Roster {
    let shell = Supervised { role: Role::Purpose, ..part("shell", &["ping"]) };
    Roster::new(&[part("pong", &[]), part("ping", &["pong"]), part("other", &[]), shell], at(0))
}

/// Starts all that are due, as SIPs with numbers from `first` on; their names.
fn start_due(roster: &mut Roster, now: Instant, first: u32) -> Vec<String> {
    let mut names = Vec::new();
    while let Some(place) = roster.due(now) {
        names.push(roster.name(place).to_string());
        roster.started(place, first + names.len() as u32 - 1);
    }
    names
}

fn place(roster: &Roster, name: &str) -> Place {
    roster.find(name).expect("it is in the wiring")
}

/// What `tree` says of a process.
fn said(roster: &Roster, name: &str) -> String {
    let view = roster.survey().find(|view| view.name == name).expect("it is in the wiring");
    let watched = WatchedProcess::from(view);
    format!("{:?} {} {}: {}", watched.condition, watched.sip, watched.restarts, watched.reason)
}

#[test]
fn processes_start_in_the_wirings_order() {
    let mut roster = roster();
    assert_eq!(roster.deadline(), Some(at(0)));
    assert_eq!(start_due(&mut roster, at(0), 1), ["pong", "ping", "other", "shell"]);
    assert_eq!(roster.deadline(), None);
    assert_eq!(roster.over(), None);
    assert_eq!(said(&roster, "other"), "Runs 3 0: ");
}

#[test]
fn a_process_that_needs_one_that_is_down_waits_for_it_and_says_so() {
    let mut roster = roster();
    start_due(&mut roster, at(0), 1);
    let (pong, ping) = (place(&roster, "pong"), place(&roster, "ping"));
    let verdict = roster.ended(pong, End::Failure, Text::truncated("panicked: oh"), at(1000));
    assert_eq!(verdict, Verdict::Restart { after: Duration::from_millis(100) });
    roster.ended(ping, End::Failure, WHY, at(1001));
    assert_eq!(said(&roster, "pong"), "Waits 0 0: panicked: oh");
    assert_eq!(said(&roster, "ping"), "Waits 0 0: it needs pong, which does not run yet");
    // What needs a process and runs goes on.
    assert_eq!(said(&roster, "shell"), "Runs 4 0: ");
    assert_eq!(roster.deadline(), Some(at(1100)), "pong's time, as ping waits for it");
    assert_eq!(start_due(&mut roster, at(1099), 5), [""; 0]);
    assert_eq!(start_due(&mut roster, at(1100), 5), ["pong"]);
    assert_eq!(roster.deadline(), Some(at(1101)), "ping's own time");
    assert_eq!(start_due(&mut roster, at(1101), 6), ["ping"]);
    assert_eq!(said(&roster, "ping"), "Runs 6 1: ");
}

#[test]
fn a_process_that_is_given_up_takes_with_it_the_starts_of_those_that_need_it() {
    let mut roster = roster();
    let pong = place(&roster, "pong");
    let refuse = |roster: &mut Roster, now| roster.refused(pong, Text::truncated("not an image"), now);
    assert_eq!(refuse(&mut roster, at(0)), Verdict::Restart { after: Duration::from_millis(100) });
    assert_eq!(roster.over(), None, "there is hope");
    assert_eq!(refuse(&mut roster, at(100)), Verdict::Restart { after: Duration::from_millis(200) });
    assert_eq!(refuse(&mut roster, at(300)), Verdict::GiveUp);
    assert_eq!(start_due(&mut roster, at(300), 1), ["other"]);
    assert_eq!(said(&roster, "pong"), "GivenUp 0 0: not an image");
    assert_eq!(said(&roster, "ping"), "Waits 0 0: it needs pong, which is not started any more");
    let stuck = Over::Stuck { name: "shell", lack: Lack::Gone("pong") };
    assert_eq!(roster.over(), Some(stuck), "ping would never come up");
    assert_eq!(roster.deadline(), None, "nothing will happen by itself");
}

#[test]
fn a_process_that_somebody_wants_again_is_started_whatever_its_policy() {
    let mut roster = roster();
    start_due(&mut roster, at(0), 1);
    let other = place(&roster, "other");
    // As often as one likes.
    for round in 0..10 {
        let now = at(round);
        let sip = roster.sip(other).expect("it runs");
        assert_eq!(roster.restart(other, now), Some(sip));
        assert_eq!(roster.ended(other, End::Failure, WHY, now), Verdict::Restart { after: Duration::ZERO });
        assert_eq!(start_due(&mut roster, now, 10 + round as u32), ["other"]);
    }
    // One that is given up gets another chance.
    for end in 0..3 {
        let verdict = roster.ended(other, End::Failure, WHY, at(20 + end));
        assert_eq!(verdict == Verdict::GiveUp, end == 2);
    }
    assert_eq!(roster.restart(other, at(100)), None);
    assert_eq!(start_due(&mut roster, at(100), 20), ["other"]);
    assert_eq!(said(&roster, "other"), "Runs 20 11: ");
    // And its own end counts from there.
    let verdict = roster.ended(other, End::Failure, WHY, at(101));
    assert_eq!(verdict, Verdict::Restart { after: Duration::from_millis(100) });
}

#[test]
fn the_system_ends_with_its_purpose_unless_that_is_started_again() {
    for (restart, end, over) in [
        (Restart::Never, End::Success, Some(Over::Done(End::Success))),
        (Restart::Never, End::Failure, Some(Over::Done(End::Failure))),
        (Restart::OnFailure, End::Success, Some(Over::Done(End::Success))),
        (Restart::OnFailure, End::Failure, None),
        (Restart::Always, End::Success, None),
    ] {
        let shell = Supervised { role: Role::Purpose, policy: policy(restart), ..part("shell", &[]) };
        let mut roster = Roster::new(&[part("other", &[]), shell], at(0));
        start_due(&mut roster, at(0), 1);
        roster.ended(place(&roster, "other"), End::Success, WHY, at(1));
        assert_eq!(roster.over(), None, "a part's end is no end");
        roster.ended(place(&roster, "shell"), end, WHY, at(1));
        assert_eq!(roster.over(), over, "{restart:?} {end:?}");
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    StartDue,
    RefuseDue,
    End(usize, bool),
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u64..3000).prop_map(Step::Pass),
        Just(Step::StartDue),
        Just(Step::RefuseDue),
        (0usize..4, any::<bool>()).prop_map(|(which, success)| Step::End(which, success)),
        (0usize..4).prop_map(Step::Restart),
    ]
}

proptest! {
    /// Whatever happens: what is due has all that it needs, and its time has come; and what waits for nothing but its time
    /// is never forgotten.
    #[test]
    fn a_process_is_started_when_it_can_be_and_its_time_has_come(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut roster = roster();
        let (mut now, mut sips) = (0, 0);
        for step in steps {
            match step {
                Step::Pass(milliseconds) => now += milliseconds,
                Step::StartDue => if let Some(place) = roster.due(at(now)) {
                    sips += 1;
                    roster.started(place, sips);
                },
                Step::RefuseDue => if let Some(place) = roster.due(at(now)) {
                    roster.refused(place, WHY, at(now));
                },
                Step::End(which, success) => if roster.sip(Place(which)).is_some() {
                    let end = if success { End::Success } else { End::Failure };
                    roster.ended(Place(which), end, WHY, at(now));
                },
                Step::Restart(which) => _ = roster.restart(Place(which), at(now)),
            }
            let due = roster.due(at(now));
            if let Some(place) = due {
                prop_assert_eq!(roster.sip(place), None);
                for need in &roster.0[place.0].needs {
                    prop_assert!(roster.sip(*need).is_some());
                }
            }
            let deadline = roster.deadline();
            prop_assert_eq!(due.is_some(), deadline.is_some_and(|deadline| deadline <= at(now)));
            let waits = roster.survey().any(|view| view.condition == Condition::Waits && view.lack.is_none());
            prop_assert_eq!(waits, deadline.is_some());
            // The time comes: nothing waits longer than its policy says.
            prop_assert!(deadline.is_none_or(|deadline| deadline <= at(now) + DEFAULT.back_off_cap));
        }
    }
}
