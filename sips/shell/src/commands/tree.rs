//! `tree`: the processes under those that started them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use contracts::spec::supervisor::supervisor::ClientSurveying;
use contracts::spec::supervisor::{Condition, WatchedProcess};
use contracts::spec::system::ProcessInfo;

use crate::Shell;
use crate::failure::{Failure, Shown};
use crate::table::{Align, Table};

/// The process whose children those are that do not run now.
const SUPERVISOR: &str = "supervisor";

impl Shell {
    pub(super) fn tree(&mut self) -> Result<(), Failure> {
        let watched = self.services.supervisor.request(|supervisor| {
            let ClientSurveying::Watched { processes, next } = supervisor.survey().receive()?;
            Ok((next, processes))
        })?;
        let processes = self.processes()?;
        let mut table = Table::new([
            ("ID", Align::Right),
            ("PROCESS", Align::Left),
            ("RESTARTS", Align::Right),
            ("STATE", Align::Left),
        ]);
        rows(&processes, &watched).into_iter().for_each(|row| table.row(row));
        self.print(&table);
        Ok(())
    }
}

/// A row for each process, and for each of the wiring that does not run, below the one that started it.
fn rows(processes: &[ProcessInfo], watched: &[WatchedProcess]) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    let known = |id: u32| processes.iter().any(|process| process.id == id);
    for root in processes.iter().filter(|process| process.id == process.parent || !known(process.parent)) {
        add(root, 0, processes, watched, &mut rows);
    }
    rows
}

fn add(
    process: &ProcessInfo,
    depth: usize,
    processes: &[ProcessInfo],
    watched: &[WatchedProcess],
    rows: &mut Vec<[String; 4]>,
) {
    let runs = |watched: &&WatchedProcess| watched.condition == Condition::Runs;
    let found = watched.iter().filter(runs).find(|watched| watched.sip == process.id);
    let (restarts, state) = match found {
        Some(watched) => (watched.restarts.to_string(), "runs".to_string()),
        None => (String::new(), String::new()),
    };
    rows.push([process.id.to_string(), indented(depth, &process.name), restarts, state]);
    // A process starts after the one that started it, so this comes to an end.
    let children = processes.iter().filter(|child| child.parent == process.id && child.id > process.id);
    children.for_each(|child| add(child, depth + 1, processes, watched, rows));
    if process.name.as_str() == SUPERVISOR {
        for watched in watched.iter().filter(|watched| !runs(watched)) {
            let state = match watched.condition {
                Condition::Runs => "runs",
                Condition::Waits => "waits",
                Condition::Ended => "ended",
                Condition::GivenUp => "given up",
            };
            let separator = if watched.reason.is_empty() { "" } else { ": " };
            rows.push([
                "-".to_string(),
                indented(depth + 1, &watched.name),
                watched.restarts.to_string(),
                format!("{state}{separator}{}", Shown(&watched.reason)),
            ]);
        }
    }
}

fn indented(depth: usize, name: &str) -> String {
    format!("{:width$}{}", "", Shown(name), width = 2 * depth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::spec::system::{Placement, ProcessState};
    use contracts::{Name, Text};

    fn process(id: u32, parent: u32, name: &str) -> ProcessInfo {
        ProcessInfo {
            id,
            state: ProcessState::Waiting,
            priority: 8,
            placement: Placement::Kernel,
            threads: 1,
            parent,
            ticks: 0,
            messages: 0,
            memory: 0,
            shared: 0,
            blocks: 0,
            base: 0,
            name: Name::truncated(name),
        }
    }

    fn watched(sip: u32, restarts: u32, condition: Condition, name: &str, reason: &str) -> WatchedProcess {
        WatchedProcess {
            sip,
            restarts,
            condition,
            name: Name::truncated(name),
            reason: Text::truncated(reason),
        }
    }

    #[test]
    fn each_process_stands_below_the_one_that_started_it() {
        let processes = [
            process(0, 0, "kernel"),
            process(1, 0, "supervisor"),
            process(4, 1, "shell"),
            process(6, 1, "count"),
            process(7, 4, "hello"),
            // Whoever started it is gone.
            process(9, 5, "stray"),
        ];
        let watched = [
            watched(4, 0, Condition::Runs, "shell", ""),
            watched(6, 2, Condition::Runs, "count", ""),
            watched(0, 4, Condition::GivenUp, "pong", "panicked: \u{7}"),
            watched(0, 0, Condition::Waits, "ping", "it needs pong, which is not started any more"),
            watched(0, 0, Condition::Ended, "once", ""),
        ];
        let rows = rows(&processes, &watched);
        let lines: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
        assert_eq!(
            lines,
            [
                "0|kernel||",
                "1|  supervisor||",
                "4|    shell|0|runs",
                "7|      hello||",
                "6|    count|2|runs",
                "-|    pong|4|given up: panicked: \\u{7}",
                "-|    ping|0|waits: it needs pong, which is not started any more",
                "-|    once|0|ended",
                "9|stray||",
            ]
        );
    }
}
