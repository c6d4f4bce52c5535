//! How a scenario is run.

use std::sync::Once;
use std::time::Duration;
use std::{process, thread};

use contracts::binding::host;
use loom::model::Builder;

/// How long all tests together may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Runs a scenario in every interleaving with up to `preemptions` preemptions. In the end nothing is left.
pub(crate) fn check(preemptions: usize, scenario: impl Fn() + Sync + Send + 'static) {
    limit();
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 10_000;
    builder.check(move || {
        scenario();
        assert_eq!((host::ledger().len(), host::channels()), (0, 0), "blocks and channels left");
    });
}

/// Ends the process at the limit: a mistake can make a model endless.
fn limit() {
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        thread::spawn(|| {
            thread::sleep(LIMIT);
            eprintln!("the interleavings take longer than {LIMIT:?}");
            process::exit(1);
        });
    });
}
