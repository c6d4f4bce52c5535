//! The supervisor at work, the tests in the place of the kernel.

extern crate std;

use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use std::vec::Vec;

use contracts::manifest::{Role, Supervised};
use contracts::restart::{DEFAULT, Policy};
use contracts::spec::supervisor::life::{self, ClientLiving, ClientRestarting as ClientRevived};
use contracts::spec::supervisor::supervisor::{
    self as contract, ClientListing, ClientRestarting, ClientStarting, ClientStopping, ClientSurveying,
};
use contracts::spec::supervisor::{Condition, Failure, Life, Supervisor as Service};
use contracts::spec::system::system::{self, ServerReady as Asked};
use contracts::spec::system::{Exit, Outcome, System, ending};
use contracts::testing::{Script, Walk};
use contracts::{Closed, Contract, Either, EndpointSet, Instant, Name, Text};
use rt::reconnect::Reconnecting;

use crate::kernel::Kernel;
use crate::roster::Roster;
use crate::serve::{Reader, Supervisor, Tag};

/// Those that run: name, and where to say how they ended.
type Running = Arc<Mutex<BTreeMap<u32, (String, ending::Client<ending::Running>)>>>;

/// What the kernel and the terminal see.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    /// A start: name, argument, number.
    Start(String, String, u32),
    /// The system's end.
    End(Outcome),
    /// A line on the terminal.
    Line(String),
}

/// A supervisor on a thread, with the kernel under the test's control.
struct Bench {
    client: Option<contract::Client<contract::Ready>>,
    /// Somebody else.
    other: Option<contract::Client<contract::Ready>>,
    seen: Receiver<Seen>,
    running: Running,
}

/// Starts whatever is asked for but `nonsense`; a process named `brief` ends at once.
fn play_kernel(mut server: system::Server<system::Ready>, running: &Running, seen: &Sender<Seen>) {
    let mut started = 0;
    while let Ok(asked) = server.receive() {
        server = match asked {
            Asked::StartBoot { name, next, .. } if name.as_str() == "nonsense" => {
                next.refused(Text::truncated("nonsense: not an ELF file"))
            }
            Asked::StartBoot { name, argument, ending, next } => {
                started += 1;
                if name.as_str() == "brief" {
                    ending.ended(Exit::Panic, Text::truncated("already"), started);
                } else {
                    running.lock().expect("no panic").insert(started, (name.to_string(), ending));
                }
                // Nobody looks any more: the test is over.
                let _ = seen.send(Seen::Start(name.to_string(), argument.to_string(), started));
                next.started(started)
            }
            Asked::Kill { sip, next } => match running.lock().expect("no panic").remove(&sip) {
                Some((_, ending)) => {
                    ending.ended(Exit::Killed, Text::EMPTY, 90 + sip);
                    next.killed()
                }
                None => next.no_such_process(),
            },
            Asked::Shutdown { outcome } => {
                let _ = seen.send(Seen::End(outcome));
                return;
            }
            other => panic!("the supervisor does not ask that: {other:?}"),
        };
    }
}

fn part(name: &str, needs: &[&str]) -> Supervised {
    let policy = Policy { back_off: Duration::from_millis(1), give_up_after: 3, ..DEFAULT };
    let needs = needs.iter().map(ToString::to_string).collect();
    Supervised { name: name.into(), policy, needs, role: Role::Part }
}

fn shell(needs: &[&str]) -> Supervised {
    Supervised { role: Role::Purpose, ..part("shell", needs) }
}

/// Runs a supervisor of these processes for these clients.
fn supervise(
    servers: Vec<contract::Server<contract::Ready>>,
    wiring: &[Supervised],
    running: Running,
    seen: Sender<Seen>,
) -> Outcome {
    let (system, kernel) = System::channel().expect("memory");
    let told = seen.clone();
    thread::spawn(move || play_kernel(kernel, &running, &told));
    let mut members = EndpointSet::new().expect("memory");
    servers.into_iter().for_each(|server| members.insert(Either::This(server), Tag::default()));
    let mut say = |reader, line: core::fmt::Arguments<'_>| {
        if reader == Reader::Terminal {
            let _ = seen.send(Seen::Line(line.to_string()));
        }
    };
    let kernel = Kernel::new(Reconnecting::once("system", system));
    Supervisor::new(members, kernel, Roster::new(wiring, Instant::now()), &mut say).run()
}

impl Bench {
    fn new(wiring: Vec<Supervised>) -> Bench {
        let (client, server) = Service::channel().expect("memory");
        let (other, other_server) = Service::channel().expect("memory");
        let (see, seen) = mpsc::channel();
        let running = Running::default();
        let shared = running.clone();
        thread::spawn(move || supervise([server, other_server].into(), &wiring, shared, see));
        Bench { client: Some(client), other: Some(other), seen, running }
    }

    fn sees(&self, expected: Seen) {
        assert_eq!(self.seen.recv_timeout(Duration::from_secs(60)), Ok(expected));
    }

    fn sees_start(&self, name: &str, sip: u32) {
        self.sees(Seen::Start(name.into(), String::new(), sip));
    }

    fn sees_line(&self, line: &str) {
        self.sees(Seen::Line(line.into()));
    }

    fn ends(&self, sip: u32, exit: Exit, message: &str, fault: u32) {
        let (_, ending) = self.running.lock().expect("no panic").remove(&sip).expect("it runs");
        ending.ended(exit, Text::truncated(message), fault);
    }

    fn client(&mut self) -> contract::Client<contract::Ready> {
        self.client.take().expect("it was given back")
    }

    fn start(&mut self, name: &str, argument: &str) -> (u32, life::Client<life::Living>) {
        let (life, server) = Life::channel().expect("memory");
        let client = self.client();
        let answer = client.start(Name::truncated(name), Text::truncated(argument), server).receive();
        let Ok(ClientStarting::Started { child, next }) = answer else { panic!("{answer:?}") };
        self.client = Some(next);
        (child, life)
    }

    fn stop(&mut self, child: u32) -> Result<(), ()> {
        let (next, stopped) = match self.client().stop(child).receive().expect("it serves") {
            ClientStopping::Stopped { next } => (next, Ok(())),
            ClientStopping::Unknown { next } => (next, Err(())),
        };
        self.client = Some(next);
        stopped
    }

    fn children(&mut self) -> Vec<(u32, u32, String)> {
        let ClientListing::Children { children, next } = self.client().list().receive().expect("it serves");
        self.client = Some(next);
        children.iter().map(|child| (child.id, child.restarts, child.name.to_string())).collect()
    }

    fn restart(&mut self, name: &str) -> Result<u32, String> {
        let (next, restarted) =
            match self.client().restart(Name::truncated(name)).receive().expect("it serves") {
                ClientRestarting::Restarted { sip, next } => (next, Ok(sip)),
                ClientRestarting::NotRestarted { reason, next } => (next, Err(reason.to_string())),
            };
        self.client = Some(next);
        restarted
    }

    /// Each process of the wiring: name, condition, SIP, restarts and reason.
    fn survey(&mut self) -> Vec<String> {
        let ClientSurveying::Watched { processes, next } =
            self.client().survey().receive().expect("it serves");
        self.client = Some(next);
        let line = |process: &contracts::spec::supervisor::WatchedProcess| {
            let condition: Condition = process.condition;
            let text = format!(
                "{} {condition:?} {} {} {}",
                process.name, process.sip, process.restarts, process.reason
            );
            text.trim_end().to_string()
        };
        processes.iter().map(line).collect()
    }
}

#[test]
fn a_process_that_fails_is_started_again_and_its_fault_is_told_before() {
    let bench = Bench::new([part("pong", &[]), shell(&["pong"])].into());
    bench.sees_start("pong", 1);
    bench.sees_start("shell", 2);
    bench.ends(1, Exit::Panic, "oh at main.rs:1", 7);
    bench.sees_line("pong panicked: oh at main.rs:1 (fault 7); it is started again in 1ms");
    bench.sees_start("pong", 3);
    bench.ends(3, Exit::Time, "", 8);
    bench.sees_line("pong broke its CPU budget (fault 8); it is started again in 2ms");
    bench.sees_start("pong", 4);
    bench.ends(4, Exit::Failure, "", 0);
    bench.sees_line("pong failed; given up after 3 ends in 60s");
    // A success is nothing to talk about.
    bench.ends(2, Exit::Success, "", 0);
    bench.sees(Seen::End(Outcome::Success));
}

#[test]
fn the_system_ends_with_its_purpose_and_tells_how() {
    let bench =
        Bench::new([Supervised { policy: Policy { give_up_after: 1, ..DEFAULT }, ..shell(&[]) }].into());
    bench.sees_start("shell", 1);
    bench.ends(1, Exit::Killed, "", 1);
    bench.sees_line("shell was killed (fault 1); given up after 1 ends in 60s");
    bench.sees(Seen::End(Outcome::Failure));
}

#[test]
fn a_system_whose_purpose_cannot_be_started_ends_and_says_why() {
    let bench = Bench::new([part("nonsense", &[]), shell(&["nonsense"])].into());
    for wait in ["it is started again in 1ms", "it is started again in 2ms", "given up after 3 ends in 60s"] {
        bench.sees_line(&format!("nonsense was not started: nonsense: not an ELF file; {wait}"));
    }
    bench.sees_line("shell cannot be started: it needs nonsense, which is not started any more");
    bench.sees(Seen::End(Outcome::Failure));
}

#[test]
fn a_client_has_a_process_of_the_wiring_started_again_and_is_told_when_it_runs() {
    let mut bench = Bench::new([part("pong", &[]), part("nonsense", &["pong"]), shell(&[])].into());
    bench.sees_start("pong", 1);
    bench.sees_line("nonsense was not started: nonsense: not an ELF file; it is started again in 1ms");
    bench.sees_start("shell", 2);
    assert_eq!(bench.restart("pong"), Ok(3));
    assert_eq!(bench.restart("nobody"), Err("it is not in the system's wiring".into()));
    assert_eq!(bench.restart("nonsense"), Err("nonsense: not an ELF file".into()));
    let pong = "pong Runs 3 1";
    assert_eq!(bench.survey()[0], pong);
    // As often as one likes, in no time: that is nobody's failure.
    for sip in 4..20 {
        assert_eq!(bench.restart("pong"), Ok(sip));
    }
}

#[test]
fn a_process_that_a_client_asked_for_is_started_again_as_often_as_the_client_decides() {
    let mut bench = Bench::new([shell(&[])].into());
    bench.sees_start("shell", 1);
    let (child, life) = bench.start("actor", "to be");
    bench.sees(Seen::Start("actor".into(), "to be".into(), 2));
    assert_eq!(bench.children(), [(child, 0, "actor".into())]);
    bench.ends(2, Exit::Fault, "page fault", 4);
    let Ok(ClientLiving::Failed { failure: Failure::Fault, message, fault: 4, restarts: 0, next }) =
        life.receive()
    else {
        panic!("it faults")
    };
    assert_eq!(message.as_str(), "page fault");
    assert_eq!(bench.children(), [(child, 0, "actor".into())], "the decision is due");
    let Ok(ClientRevived::Restarted { next: life }) = next.restart(1_000_000).receive() else {
        panic!("it can be started")
    };
    bench.sees(Seen::Start("actor".into(), "to be".into(), 3));
    assert_eq!(bench.children(), [(child, 1, "actor".into())]);
    bench.ends(3, Exit::Killed, "", 5);
    let Ok(ClientLiving::Failed { failure: Failure::Killed, next, .. }) = life.receive() else {
        panic!("somebody ended it")
    };
    next.give_up();
    // The next request comes after that one or before: in the end nothing is left.
    while !bench.children().is_empty() {}
    let (_, life) = bench.start("actor", "");
    bench.ends(4, Exit::Success, "", 0);
    assert!(matches!(life.receive(), Ok(ClientLiving::Finished)));
    assert_eq!(bench.children(), []);
}

#[test]
fn a_client_that_is_gone_has_given_up_and_what_it_asked_for_goes_on() {
    let mut bench = Bench::new([shell(&[])].into());
    bench.sees_start("shell", 1);
    let (_, life) = bench.start("actor", "");
    bench.sees_start("actor", 2);
    drop(life);
    assert_eq!(bench.children().len(), 1, "it runs");
    bench.ends(2, Exit::Panic, "", 1);
    while !bench.children().is_empty() {}
}

#[test]
fn a_client_stops_its_own_processes_only_and_each_once() {
    let mut bench = Bench::new([part("pong", &[]), shell(&[])].into());
    let (child, life) = bench.start("actor", "");
    assert_eq!(bench.stop(child + 1), Err(()));
    std::mem::swap(&mut bench.client, &mut bench.other);
    assert_eq!(bench.stop(child), Err(()), "it is somebody else's");
    assert_eq!(bench.children(), []);
    std::mem::swap(&mut bench.client, &mut bench.other);
    assert_eq!(bench.stop(child), Ok(()));
    assert!(matches!(life.receive(), Ok(ClientLiving::Finished)), "as it was stopped, it has not failed");
    assert_eq!(bench.stop(child), Err(()));
    // One that is to be started again is not.
    let (child, life) = bench.start("brief", "");
    let Ok(ClientLiving::Failed { next, .. }) = life.receive() else { panic!("it ends at once") };
    let life = next.restart(u64::MAX);
    while bench.stop(child).is_err() {}
    let Ok(ClientRevived::CannotRestart { reason }) = life.receive() else { panic!("it was stopped") };
    assert_eq!(reason.as_str(), "it was stopped");
}

/// A supervisor whose shell never ends, for one client.
fn serve(server: contract::Server<contract::Ready>) -> Outcome {
    supervise([server].into(), &[part("pong", &[]), shell(&[])], Running::default(), mpsc::channel().0)
}

#[test]
fn a_client_that_does_whatever_the_contract_allows_is_answered() {
    Walk::<Service>::new().sessions(50).server(serve);
}

#[test]
fn the_life_of_a_process_is_told_as_the_contract_says() {
    let failed = |restarts| Life::Failed {
        failure: Failure::Panic,
        message: Text::truncated("already"),
        fault: 3 + restarts,
        restarts,
    };
    Script::new()
        .expects(failed(0))
        .sends(Life::Restart { after: 0 })
        .expects(Life::Restarted)
        .expects(failed(1))
        .sends(Life::Restart { after: 3_000_000 })
        .expects(Life::Restarted)
        .expects(failed(2))
        .sends(Life::GiveUp)
        .server(|life| {
            let (client, server) = Service::channel().expect("memory");
            thread::spawn(move || serve(server));
            let started = client.start(Name::truncated("brief"), Text::EMPTY, life).receive();
            assert!(matches!(started, Ok(ClientStarting::Started { .. })), "{started:?}");
        });
    Script::<Life>::new().expects_close().server(|life| {
        let (client, server) = Service::channel().expect("memory");
        thread::spawn(move || serve(server));
        let refused = client.start(Name::truncated("nonsense"), Text::EMPTY, life).receive();
        assert!(matches!(refused, Ok(ClientStarting::Refused { .. }) | Err(Closed)), "{refused:?}");
    });
}
