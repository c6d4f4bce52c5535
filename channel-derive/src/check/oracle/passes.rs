//! Where a sketch crosses over to the passes that the oracle judges.

use std::collections::BTreeSet;

use super::sketch::{Rule, Sketch};
use crate::check::{Trouble, check};
use crate::model::{Name, Place, Protocol, Side, Spoken};

fn name(text: String) -> Name {
    Name { text, place: Place(0) }
}

fn protocol(sketch: &Sketch) -> Protocol {
    let state =
        |number: usize| name(if number == sketch.end() { "End".to_owned() } else { format!("S{number}") });
    let labels: BTreeSet<usize> = sketch.steps.iter().map(|step| step.label).collect();
    let spoken = labels.into_iter().map(|label| {
        let steps: Vec<_> = sketch.steps.iter().filter(|step| step.label == label).collect();
        Spoken {
            name: name(format!("M{label}")),
            sender: [Side::Client, Side::Server][steps[0].by],
            window: steps[0].window,
            steps: steps.iter().map(|step| (state(step.from), state(step.to))).collect(),
        }
    });
    Protocol::new("Sketch", state(0), spoken.collect())
}

/// The rules that the passes say it breaks.
pub(super) fn broken(sketch: &Sketch) -> BTreeSet<Rule> {
    let rule = |trouble| match trouble {
        Trouble::UnknownStart => Rule::Start,
        Trouble::EndSpeaks { .. } => Rule::EndSpeaks,
        Trouble::LabelRepeated { .. } => Rule::Repeated,
        Trouble::MixedChoice { .. } => Rule::Mixed,
        Trouble::Unreachable { .. } => Rule::Unreachable,
        Trouble::DeadEnd { .. } => Rule::DeadEnd,
        Trouble::StreamMovesOn { .. } => Rule::StreamMovesOn,
        Trouble::OneSidedCycle { .. } => Rule::OneSided,
        other => panic!("a sketch has no names to complain about: {other:?}"),
    };
    check(&protocol(sketch)).into_iter().map(rule).collect()
}

/// The depths that the passes compute, towards client and server.
pub(super) fn depths(sketch: &Sketch) -> [usize; 2] {
    let depths = crate::depth::depths(&protocol(sketch));
    [depths.to_client, depths.to_server]
}
