//! Sleeps until a point in time again and again, while the kernel works for `toiler`, which it outranks, and measures how late it
//! wakes. It reports each kind of work in a line `fact lateness KEY=VALUE...` of the kernel's log.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::time::Duration;

use contracts::spec::system::ending::ServerRunning;
use contracts::spec::system::system::ClientStarting;
use contracts::spec::system::{Ending, Exit, Outcome, System};
use contracts::time::sleep_until;
use contracts::{Contract, Instant, Name, ReceiveByError, Text};
use trial::trouble::Trouble;

rt::manifest! {
    main: main,
    uses: { system: System },
    priority: 20,
}

/// Kinds of work, as `toiler` calls them.
const WORK: [&str; 3] = ["heap", "block", "channel"];
/// Times that each is done.
const ROUNDS: u32 = 4;
/// Less than a tick of the timer, so that one that begins after a tick ends by the next.
const NAP: Duration = Duration::from_millis(3);

fn main(grants: Grants) -> Result<(), Trouble> {
    let mut system = grants.system;
    for work in WORK {
        let (mut most, mut naps) = (Duration::ZERO, 0);
        for _ in 0..ROUNDS {
            let (client, mut ending) = Ending::channel()?;
            let starting = system.start_boot(Name::truncated("toiler"), Text::truncated(work), client);
            let ClientStarting::Started { next, .. } = starting.receive()? else {
                return Err(Trouble::Wrong("it is refused"));
            };
            system = next;
            // To a tick.
            sleep_until(Instant::now() + NAP);
            loop {
                let end = Instant::now() + NAP;
                sleep_until(end);
                most = most.max(Duration::from_nanos(Instant::now().as_nanos() - end.as_nanos()));
                naps += 1;
                ending = match ending.receive_by(Instant::now()) {
                    Err(ReceiveByError::TimedOut(ending)) => ending,
                    Ok(ServerRunning::Ended { exit: Exit::Success, .. }) => break,
                    _ => return Err(Trouble::Wrong("it does not end well")),
                };
            }
        }
        rt::log!("fact lateness work={work} naps={naps} nanoseconds={}", most.as_nanos());
    }
    system.shutdown(Outcome::Success);
    Ok(())
}
