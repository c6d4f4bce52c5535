//! Contracts at random that rustc compiles with the real derive: `tests/generated.rs` is written from here.

use std::fmt::Write;

use super::peers::{self, Order};
use super::sketch::Sketch;

/// A contract as a user would write it, and what the two peers found its depths to be.
fn module(number: usize, sketch: &Sketch) -> String {
    let mut text = String::new();
    let state = |state| if state == sketch.end() { "End".to_owned() } else { format!("S{state}") };
    let mut labels: Vec<usize> = sketch.steps.iter().map(|step| step.label).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut add = |line: String| writeln!(text, "{line}").expect("a string grows");
    add(format!("mod contract_{number} {{"));
    add("    #[derive(contracts::Contract)]".to_owned());
    add("    #[contract(start = S0)]".to_owned());
    add("    pub(super) enum Sketch {".to_owned());
    for label in labels {
        let steps: Vec<_> = sketch.steps.iter().filter(|step| step.label == label).collect();
        let arrows: Vec<String> =
            steps.iter().map(|step| format!("{} => {}", state(step.from), state(step.to))).collect();
        let window = steps[0].window.map(|window| format!(", window = {window}")).unwrap_or_default();
        add(format!("        #[{}({}{window})]", ["client", "server"][steps[0].by], arrows.join(", ")));
        add(format!("        M{label} {{ value: u{} }},", [8, 16, 32, 64][label % 4]));
    }
    add("    }".to_owned());
    add("}".to_owned());
    let [to_client, to_server] = peers::explore(sketch, Order::DepthFirst, |_| false).deepest;
    add(String::new());
    add("#[test]".to_owned());
    add(format!("fn contract_{number}_has_the_depths_that_its_peers_reach() {{"));
    add(format!("    assert_eq!(depths::<contract_{number}::Sketch>(), [{to_client}, {to_server}]);"));
    add("}".to_owned());
    text
}

#[test]
fn the_contracts_that_rustc_compiles_are_those_of_the_oracle() {
    let mut text = "//! Contracts at random, through the real derive. Written by `check::oracle::generated`, whose test says how; do not\n\
                    //! edit.\n#![allow(dead_code, missing_docs)]\n\n\
                    use contracts::Contract;\n\n\
                    fn depths<C: Contract>() -> [usize; 2] {\n    let depths = [C::DEPTH_TO_CLIENT, C::DEPTH_TO_SERVER];\n    \
                    let [to_client, to_server] = depths.map(|depth| depth as u32);\n    \
                    // What rings are made from, and what a description says, is the same.\n    \
                    let description = C::DESCRIPTION;\n    \
                    assert_eq!((description.depth_to_client, description.depth_to_server), (to_client, to_server));\n    \
                    assert_eq!(C::SHAPE.depth, [to_client, to_server]);\n    depths\n}\n"
        .to_owned();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..12 {
        let tape: Vec<u8> = (0..80)
            .map(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (random >> 56) as u8
            })
            .collect();
        text.push('\n');
        text.push_str(&module(number, &Sketch::that_keeps_the_rules(&tape)));
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/generated.rs");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(path, &text).expect("the file can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == text,
        "run `UPDATE_GENERATED=1 cargo test -p channel-derive generated` and look at the difference"
    );
}
