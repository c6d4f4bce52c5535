//! Processes end in every way that there is.

use contracts::spec::system::Exit;
use trial::trouble::Trouble;

use crate::balance::{Score, settles};
use crate::bystanders::Bystanders;
use crate::office::Office;
use crate::orders::Order;

/// A way to die: the process, what it is told, and how its end is called.
struct Way {
    name: &'static str,
    process: &'static str,
    argument: &'static str,
    exit: Exit,
}

const fn faulty(name: &'static str, argument: &'static str, exit: Exit) -> Way {
    Way { name, process: "faulty", argument, exit }
}

const WAYS: &[Way] = &[
    faulty("return", "return", Exit::Success),
    faulty("failure", "fail", Exit::Failure),
    faulty("panic", "panic on purpose", Exit::Panic),
    faulty("page fault", "null", Exit::Fault),
    faulty("write to code", "write", Exit::Fault),
    faulty("jump astray", "jump", Exit::Fault),
    faulty("stack overflow", "overflow", Exit::Fault),
    faulty("stack overflow into the kernel", "edge clock", Exit::Fault),
    faulty("divide error", "divide", Exit::Fault),
    faulty("invalid opcode", "illegal", Exit::Fault),
    faulty("general protection", "protection", Exit::Fault),
    faulty("memory limit", "memory", Exit::Memory),
    Way { name: "CPU budget", process: "hasty", argument: "spin", exit: Exit::Time },
    faulty("kill", "wait", Exit::Killed),
];

/// `deaths laps=N`: each way so many times, one after the other, while bystanders talk.
pub(crate) fn run(office: &mut Office, order: &Order<'_>) -> Result<(), Trouble> {
    let laps = order.number("laps")?;
    let bystanders = Bystanders::begin(office)?;
    let mut scores = [Score::default(); WAYS.len()];
    for _ in 0..laps {
        for (way, score) in WAYS.iter().zip(&mut scores) {
            settles(office, score, |office, score| {
                let patient = office.start(way.process, way.argument)?;
                score.injected += 1;
                if way.exit == Exit::Killed {
                    office.rest();
                    office.kill(patient.sip)?;
                }
                let exit = office.end_of(patient)?;
                if exit != way.exit {
                    rt::log!("{}: {exit:?}", way.name);
                    return Err(Trouble::Wrong("a process did not end as it was made to"));
                }
                score.detected += 1;
                Ok(())
            })?;
        }
    }
    bystanders.end(office)?;
    for (way, Score { injected, detected, recovered }) in WAYS.iter().zip(scores) {
        rt::log!(
            "fact deaths injected={injected} detected={detected} recovered={recovered} way={}",
            way.name.replace(' ', "_")
        );
    }
    Ok(())
}
