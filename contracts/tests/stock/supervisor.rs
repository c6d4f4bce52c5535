use std::collections::BTreeMap;
use std::thread;

use contracts::spec::supervisor::life::{
    self, ClientLiving, ClientRestarting, Deciding, Living, Server as LifeServer, ServerDeciding,
};
use contracts::spec::supervisor::supervisor::{
    Client, ClientListing, ClientRestarting as ClientAgain, ClientStarting, ClientStopping, ClientSurveying,
    Ready, Server, ServerReady,
};
use contracts::spec::supervisor::{Child, Condition, Failure, Life, Supervisor, WatchedProcess};
use contracts::{Closed, Either, EndpointSet, ExBox, Name, Text};

use crate::pair;

/// A process that does what its argument says, a word each time it runs: `stay`, `end`, `panic`, `fault` or `vanish`,
/// after which there is no program any more.
struct Process {
    name: Name,
    script: Vec<String>,
    restarts: u32,
    living: Option<LifeServer<Living>>,
}

impl Process {
    /// Runs it once; a failure waits for a decision.
    fn run(&mut self, life: LifeServer<Living>) -> Option<LifeServer<Deciding>> {
        let word = if self.script.is_empty() { "stay".to_owned() } else { self.script.remove(0) };
        let failure = match word.as_str() {
            "stay" => {
                self.living = Some(life);
                return None;
            }
            "panic" => Failure::Panic,
            "fault" => Failure::Fault,
            _ => {
                life.finished();
                return None;
            }
        };
        Some(life.failed(failure, Text::truncated(&word), 0, self.restarts))
    }

    fn has_ended(&self, decision_is_due: bool) -> bool {
        self.living.is_none() && !decision_is_due
    }
}

fn serve(server: Server<Ready>) {
    let mut clients = EndpointSet::<Either<Server<Ready>, LifeServer<Deciding>>, u32>::new().expect("memory");
    clients.insert(Either::This(server), 0);
    let mut processes: BTreeMap<u32, Process> = BTreeMap::new();
    let mut started = 0;
    while !clients.is_empty() {
        let event = clients.receive();
        let child = event.data;
        match event.received {
            Ok(Either::This(request)) => {
                let next = match request {
                    ServerReady::Start { name, next, .. } if name.as_str() == "nonsense" => {
                        next.refused(Text::truncated("nonsense: not a program"))
                    }
                    ServerReady::Start { name, argument, life, next } => {
                        started += 1;
                        let script = argument.split_whitespace().map(str::to_owned).collect();
                        let mut process = Process { name, script, restarts: 0, living: None };
                        let failed = process.run(life);
                        if !process.has_ended(failed.is_some()) {
                            processes.insert(started, process);
                        }
                        failed.into_iter().for_each(|life| clients.insert(Either::That(life), started));
                        next.started(started)
                    }
                    ServerReady::Stop { child, next } => match processes.remove(&child) {
                        Some(Process { living: Some(life), .. }) => {
                            life.finished();
                            next.stopped()
                        }
                        _ => next.unknown(),
                    },
                    ServerReady::List { next } => {
                        let mut lines = processes.iter().map(|(id, process)| Child {
                            id: *id,
                            restarts: process.restarts,
                            name: process.name,
                        });
                        let children = ExBox::from_fn(processes.len(), |_| lines.next().expect("as many"));
                        next.children(children.expect("memory"))
                    }
                    ServerReady::Restart { name, next } if name.as_str() == "part" => next.restarted(9),
                    ServerReady::Restart { next, .. } => {
                        next.not_restarted(Text::truncated("not of the system"))
                    }
                    ServerReady::Survey { next } => {
                        let part = WatchedProcess {
                            sip: 9,
                            restarts: 1,
                            condition: Condition::Runs,
                            name: Name::truncated("part"),
                            reason: Text::EMPTY,
                        };
                        next.watched(ExBox::copy_of(&[part]).expect("memory"))
                    }
                };
                clients.insert(Either::This(next), 0);
            }
            Ok(Either::That(ServerDeciding::Restart { next, .. })) => {
                let process = processes.get_mut(&child).expect("it waits for a decision");
                if process.script.first().is_some_and(|word| word == "vanish") {
                    processes.remove(&child);
                    next.cannot_restart(Text::truncated("the program has vanished"));
                    continue;
                }
                process.restarts += 1;
                let failed = process.run(next.restarted());
                if process.has_ended(failed.is_some()) {
                    processes.remove(&child);
                }
                failed.into_iter().for_each(|life| clients.insert(Either::That(life), child));
            }
            // Who is gone has given up.
            Ok(Either::That(ServerDeciding::GiveUp)) | Err(Closed) => drop(processes.remove(&child)),
        }
    }
}

fn start() -> Client<Ready> {
    let (client, server) = pair::<Supervisor>();
    thread::spawn(move || serve(server));
    client
}

fn launch(client: Client<Ready>, script: &str) -> (u32, life::Client<Living>, Client<Ready>) {
    let (life, server) = pair::<Life>();
    let name = Name::new("actor").expect("short");
    match client.start(name, Text::new(script).expect("short"), server).receive() {
        Ok(ClientStarting::Started { child, next }) => (child, life, next),
        other => panic!("{other:?}"),
    }
}

fn children(client: Client<Ready>) -> (Vec<(u32, u32)>, Client<Ready>) {
    let Ok(ClientListing::Children { children, next }) = client.list().receive() else { panic!("it serves") };
    (children.iter().map(|child| (child.id, child.restarts)).collect(), next)
}

fn restart(life: life::Client<Deciding>) -> life::Client<Living> {
    match life.restart(0).receive() {
        Ok(ClientRestarting::Restarted { next }) => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_that_fails_is_restarted_as_often_as_its_client_decides() {
    let (child, life, client) = launch(start(), "panic fault end");
    let Ok(ClientLiving::Failed { failure: Failure::Panic, message, restarts: 0, next, .. }) = life.receive()
    else {
        panic!("it panics first")
    };
    assert_eq!(message.as_str(), "panic");
    let (list, client) = children(client);
    assert_eq!(list, [(child, 0)], "it is there while the decision is due");
    let Ok(ClientLiving::Failed { failure: Failure::Fault, restarts: 1, next, .. }) = restart(next).receive()
    else {
        panic!("then it faults")
    };
    assert!(matches!(restart(next).receive(), Ok(ClientLiving::Finished)));
    assert_eq!(children(client).0, []);
}

#[test]
fn a_process_that_nobody_restarts_is_gone() {
    let (_, life, client) = launch(start(), "panic");
    let Ok(ClientLiving::Failed { next, .. }) = life.receive() else { panic!("it panics") };
    next.give_up();
    let (_, life, client) = launch(client, "panic");
    // A client that is gone has decided, too.
    drop(life);
    let (_, _life, client) = launch(client, "stay");
    let mut client = client;
    loop {
        let (list, next) = children(client);
        if list.len() == 1 {
            break;
        }
        client = next;
        thread::yield_now();
    }
}

#[test]
fn a_process_can_be_stopped_once() {
    let (child, life, client) = launch(start(), "stay");
    let Ok(ClientStopping::Stopped { next }) = client.stop(child).receive() else { panic!("it runs") };
    assert!(matches!(life.receive(), Ok(ClientLiving::Finished)));
    assert!(matches!(next.stop(child).receive(), Ok(ClientStopping::Unknown { .. })));
}

#[test]
fn a_process_that_cannot_start_says_why() {
    let (life, server) = pair::<Life>();
    let name = Name::new("nonsense").expect("short");
    let Ok(ClientStarting::Refused { reason, next }) = start().start(name, Text::EMPTY, server).receive()
    else {
        panic!("there is no such program")
    };
    assert_eq!(reason.as_str(), "nonsense: not a program");
    assert!(matches!(life.receive(), Err(Closed)), "nothing is said of a life that never was");
    let (_, life, _client) = launch(next, "panic vanish");
    let Ok(ClientLiving::Failed { next, .. }) = life.receive() else { panic!("it panics") };
    let Ok(ClientRestarting::CannotRestart { reason }) = next.restart(0).receive() else {
        panic!("the program has vanished")
    };
    assert_eq!(reason.as_str(), "the program has vanished");
}

#[test]
fn a_process_of_the_system_is_restarted_by_name_and_shown_to_all() {
    let again = |client: Client<Ready>, name: &str| client.restart(Name::truncated(name)).receive();
    let Ok(ClientAgain::Restarted { sip: 9, next }) = again(start(), "part") else { panic!("it runs") };
    let Ok(ClientAgain::NotRestarted { reason, next }) = again(next, "stranger") else {
        panic!("it is not of the system")
    };
    assert_eq!(reason.as_str(), "not of the system");
    let Ok(ClientSurveying::Watched { processes, .. }) = next.survey().receive() else { panic!("it serves") };
    assert_eq!(processes.iter().map(|process| process.sip).collect::<Vec<_>>(), [9]);
}
