//! Endpoints that travel. After `03_many_clients`.
//!
//! An endpoint may be a field of a message, of a struct or of a block, provided that in its state it sends next. The channel
//! keeps its place in the contract: the receiver's endpoint has the same type. So a receptionist can hear what a visitor
//! wants, and hand the conversation to somebody who knows about it, in the middle of it. The visitor does not notice.
#![forbid(unsafe_code)]

use std::thread;

use contracts::{Closed, Contract, EndpointSet, ExBox, Exchange};

/// What a visitor says.
///
/// ```text
/// Waiting --!Welcome--> Asking        the server speaks first
/// Asking --?Ask--> Answering --!Answer--> Asking
/// ```
#[derive(Contract)]
#[contract(start = Waiting)]
pub enum Visit {
    /// Come in.
    #[server(Waiting => Asking)]
    Welcome,
    /// Wants to know something.
    #[client(Asking => Answering)]
    Ask {
        /// What it is about: one of the topics.
        topic: u32,
        /// The question.
        number: u64,
    },
    /// The answer.
    #[server(Answering => Asking)]
    Answer {
        /// The answer.
        number: u64,
    },
}

/// A visit in the state after the first question. It may be sent, because the server speaks next.
#[derive(Exchange)]
#[repr(C)]
pub struct Case {
    visit: visit::Server<visit::Answering>,
    number: u64,
}

/// What the receptionist says to one who works there.
///
/// ```text
/// Idle --?Take--> Busy --!Free--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Work {
    /// Takes over visits.
    #[client(Idle => Busy)]
    Take {
        /// A block may hold endpoints, too; the ledger knows of each.
        cases: ExBox<[Case]>,
    },
    /// Is done with them.
    #[server(Busy => Idle)]
    Free,
}

/// One who works there: answers the first question, and all that follow until the visitor leaves.
fn work(topic: u32, server: work::Server<work::Idle>) -> Result<(), Closed> {
    let work::ServerIdle::Take { cases, next } = server.receive()?;
    let mut visits = EndpointSet::new().expect("memory for a set");
    for case in cases {
        visits.insert(case.visit.answer(case.number * u64::from(topic)), ());
    }
    while !visits.is_empty() {
        if let Ok(visit::ServerAsking::Ask { number, next, .. }) = visits.receive().received {
            visits.insert(next.answer(number * u64::from(topic)), ());
        }
    }
    drop(next.free());
    Ok(())
}

/// The receptionist: welcomes everybody, hears the first question of each, and hands them over by topic.
fn receive(visitors: Vec<visit::Server<visit::Waiting>>, desks: Vec<work::Client<work::Idle>>) {
    let mut waiting = EndpointSet::new().expect("memory for a set");
    // `Server<Waiting>` is no member of a set, for it does not receive. `welcome` makes it a `Server<Asking>`.
    visitors.into_iter().for_each(|visitor| waiting.insert(visitor.welcome(), ()));
    let mut cases: Vec<Vec<Case>> = desks.iter().map(|_| Vec::new()).collect();
    while !waiting.is_empty() {
        match waiting.receive().received {
            Ok(visit::ServerAsking::Ask { topic, number, next }) => match cases.get_mut(topic as usize) {
                Some(cases) => cases.push(Case { visit: next, number }),
                // Nobody knows about that: the visitor finds the channel closed.
                None => drop(next),
            },
            Err(Closed) => {}
        }
    }
    let mut busy = Vec::new();
    for (desk, cases) in desks.into_iter().zip(cases) {
        let (count, mut cases) = (cases.len(), cases.into_iter());
        let cases = ExBox::from_fn(count, |_| cases.next().expect("as many")).expect("memory for a block");
        busy.push(desk.take(cases));
    }
    for desk in busy {
        assert!(matches!(desk.receive(), Ok(work::ClientBusy::Free { .. })));
    }
}

/// A visitor, who never learns who answers.
fn visit(topic: u32, visit: visit::Client<visit::Waiting>) -> Result<u64, Closed> {
    let visit::ClientWaiting::Welcome { next: mut asking } = visit.receive()?;
    let mut sum = 0;
    for question in 1..=4 {
        let visit::ClientAnswering::Answer { number, next } = asking.ask(topic, question).receive()?;
        (sum, asking) = (sum + number, next);
    }
    Ok(sum)
}

fn main() {
    let (idle, workers): (Vec<_>, Vec<_>) = (0..3)
        .map(|topic| {
            let (client, server) = Work::channel().expect("memory for a channel");
            (client, thread::spawn(move || work(topic, server)))
        })
        .unzip();
    let (visitors, servers): (Vec<_>, Vec<_>) = (0..8)
        .map(|number| {
            let (client, server) = Visit::channel().expect("memory for a channel");
            (thread::spawn(move || visit(number % 4, client)), server)
        })
        .unzip();
    receive(servers, idle);
    for (number, visitor) in (0..).zip(visitors) {
        let heard = visitor.join().expect("no panic");
        println!("visitor {number} asked about topic {} and heard {heard:?}", number % 4);
        assert_eq!(heard, if number % 4 == 3 { Err(Closed) } else { Ok(10 * (number % 4)) });
    }
    workers.into_iter().for_each(|worker| assert_eq!(worker.join().expect("no panic"), Ok(())));
}

#[test]
fn it_runs() {
    main();
}
