//! What walls cost, in instructions.

use std::time::Duration;

use boot::qemu::Outcome;
use tests::{facts, system_of};

#[test]
fn numbers() {
    for (name, domains) in [
        ("sip-sip", &[][..]),
        ("dom-sip", &["payer"]),
        ("sip-dom", &["booth"]),
        ("dom-dom", &["payer", "booth"]),
    ] {
        let run = system_of(&["booth", "payer"])
            .icount(0)
            .rewire(|wiring| wiring.domains.extend(domains.iter().map(|n| n.to_string())))
            .run(Duration::from_secs(120))
            .expect("runs");
        assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
        let t: Vec<String> = facts(&run.log, "trip")
            .iter()
            .map(|f| format!("{}={}", f.text("what"), f.get::<u64>("ticks")))
            .collect();
        println!("{name}: {}", t.join(" "));
    }
}
