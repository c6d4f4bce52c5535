//! Endpoints that travel: in messages, in structs and in blocks, before their first message and in the middle.

use std::thread;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, EndpointSet, ExBox, Exchange, TryReceiveError};

/// Questions, each answered by whoever holds the server's end just then.
#[derive(Contract)]
#[contract(start = Greeting)]
pub enum Session {
    /// The server speaks first.
    #[server(Greeting => Asking)]
    Hello {
        /// Who it is.
        desk: u32,
    },
    /// A question.
    #[client(Asking => Answering)]
    Question {
        /// Anything.
        number: u64,
        /// Comes back.
        paper: ExBox<[u8]>,
    },
    /// Its answer.
    #[server(Answering => Asking)]
    Answer {
        /// The question's number and the desk's.
        number: u64,
        /// The question's.
        paper: ExBox<[u8]>,
    },
    /// Enough.
    #[client(Asking => End)]
    Leave,
}

/// A case on its way from desk to desk: an endpoint in a struct.
#[derive(Debug, Exchange)]
#[repr(C)]
pub struct Case {
    /// In the state after the client's question.
    session: session::Server<session::Answering>,
    /// The question.
    number: u64,
    paper: ExBox<[u8]>,
}

/// What desks say to each other. The case travels in the message, in a struct, in a block, and in a block of many.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Desk {
    /// Takes a session that has not begun.
    #[client(Idle => Working)]
    Greet {
        /// Its server speaks first.
        session: session::Server<session::Greeting>,
    },
    /// Takes one case.
    #[client(Idle => Working)]
    Take {
        /// The case.
        case: Case,
    },
    /// Takes one case in a block.
    #[client(Idle => Working)]
    TakeBox {
        /// The case.
        case: ExBox<Case>,
    },
    /// Takes several.
    #[client(Idle => Working)]
    TakeAll {
        /// The cases, in the order in which they are to be answered.
        cases: ExBox<[ExBox<Case>]>,
        /// And the desk to do it at.
        desk: ExBox<[desk::Client<desk::Idle>]>,
    },
    /// Has dealt with it.
    #[server(Working => Idle)]
    Done,
}

type Waiting = session::Client<session::Answering>;
type Asking = session::Client<session::Asking>;

fn session() -> (session::Client<session::Greeting>, session::Server<session::Greeting>) {
    Session::channel().expect("memory for a channel")
}

fn desk() -> (desk::Client<desk::Idle>, desk::Server<desk::Idle>) {
    Desk::channel().expect("memory for a channel")
}

fn ask(client: Asking, number: u64) -> Waiting {
    client.question(number, ExBox::from_fn(8, |_| number as u8).expect("memory"))
}

/// The answer must come from this desk.
fn answered(client: Waiting, number: u64, desk: u64) -> Asking {
    let session::ClientAnswering::Answer { number: answer, paper, next } =
        client.receive().expect("somebody has the session");
    assert_eq!((answer, &paper[..]), (number + 1000 * desk, &[number as u8; 8][..]));
    next
}

/// A session in which the client has asked, and the case.
fn asked(number: u64) -> (Waiting, Case) {
    let (client, server) = session();
    let server = server.hello(0);
    let session::ClientGreeting::Hello { next, .. } = client.receive().expect("greeted");
    let waiting = ask(next, number);
    let Ok(session::ServerAsking::Question { number, paper, next }) = server.receive() else {
        panic!("it was sent")
    };
    (waiting, Case { session: next, number, paper })
}

fn settle(number: u64, case: Case) -> session::Server<session::Asking> {
    case.session.answer(case.number + 1000 * number, case.paper)
}

/// Works at desk `number`, and stays with each session until its client leaves.
fn work(number: u64, mut server: desk::Server<desk::Idle>) -> u64 {
    let mut cases = 0;
    let mut stay = |mut session: session::Server<session::Asking>| {
        cases += 1;
        while let Ok(session::ServerAsking::Question { number: question, paper, next }) = session.receive() {
            cases += 1;
            session = next.answer(question + 1000 * number, paper);
        }
    };
    loop {
        let next = match server.receive() {
            Ok(desk::ServerIdle::Greet { session, next }) => {
                stay(session.hello(number as u32));
                next
            }
            Ok(desk::ServerIdle::Take { case, next }) => {
                stay(settle(number, case));
                next
            }
            Ok(desk::ServerIdle::TakeBox { case, next }) => {
                stay(settle(number, case.into_inner()));
                next
            }
            Ok(desk::ServerIdle::TakeAll { cases: all, next, .. }) => {
                all.into_iter().for_each(|case| stay(settle(number, case.into_inner())));
                next
            }
            Err(Closed) => return cases,
        };
        server = next.done();
    }
}

fn done(working: desk::Client<desk::Working>) -> desk::Client<desk::Idle> {
    let desk::ClientWorking::Done { next } = working.receive().expect("the desk works");
    next
}

#[test]
fn a_session_handed_on_after_its_first_message_goes_on_where_it_was() {
    for boxed in [false, true] {
        let (idle, server) = desk();
        let worker = thread::spawn(move || work(7, server));
        let (waiting, case) = asked(1);
        let working = if boxed { idle.take_box(ExBox::new(case).expect("memory")) } else { idle.take(case) };
        let mut client = answered(waiting, 1, 7);
        for number in 2..100 {
            client = answered(ask(client, number), number, 7);
        }
        client.leave();
        drop(done(working));
        assert_eq!(worker.join().expect("no panic"), 99);
    }
}

#[test]
fn a_client_that_waits_does_not_notice_how_often_the_other_end_moves() {
    const DESKS: u64 = 20;
    let (waiting, case) = asked(5);
    // Desk after desk passes the case to the next; only the last answers.
    let (mut idle, mut server) = desk();
    drop(idle.take(case));
    let mut relays = Vec::new();
    for _ in 1..DESKS {
        let last = server;
        (idle, server) = desk();
        relays.push(thread::spawn(move || {
            let Ok(desk::ServerIdle::Take { case, next }) = last.receive() else { panic!("a case comes") };
            drop(next);
            drop(idle.take_box(ExBox::new(case).expect("memory")));
        }));
        let last = server;
        (idle, server) = desk();
        relays.push(thread::spawn(move || {
            let Ok(desk::ServerIdle::TakeBox { case, next }) = last.receive() else { panic!("a case comes") };
            drop(next);
            drop(idle.take(case.into_inner()));
        }));
    }
    let client = thread::spawn(move || answered(waiting, 5, DESKS).leave());
    relays.into_iter().for_each(|relay| relay.join().expect("no panic"));
    let Ok(desk::ServerIdle::Take { case, .. }) = server.receive() else { panic!("a case comes") };
    drop(settle(DESKS, case));
    client.join().expect("no panic");
}

#[test]
fn endpoints_are_moved_out_of_a_block_one_by_one() {
    let (idle, server) = desk();
    let worker = thread::spawn(move || work(4, server));
    let (mut clients, cases): (Vec<_>, Vec<_>) = (0..10).map(asked).unzip();
    let mut cases = cases.into_iter().map(|case| ExBox::new(case).expect("memory"));
    let cases = ExBox::from_fn(10, |_| cases.next().expect("as many")).expect("memory");
    let working = idle.take_all(cases, ExBox::from_fn(0, |_| unreachable!("none")).expect("memory"));
    for (number, client) in (0..).zip(clients.drain(..)) {
        answered(client, number, 4).leave();
    }
    drop(done(working));
    assert_eq!(worker.join().expect("no panic"), 10);
}

#[test]
fn what_is_not_moved_out_of_a_block_is_dropped_with_it() {
    let (clients, cases): (Vec<_>, Vec<_>) = (0..10).map(asked).unzip();
    let mut cases = cases.into_iter();
    let cases = ExBox::from_fn(10, |_| cases.next().expect("as many")).expect("memory");
    let mut elements = cases.into_iter();
    assert_eq!(elements.len(), 10);
    let kept = elements.by_ref().take(4).map(|case| drop(settle(1, case))).count();
    drop(elements);
    for (number, client) in (0..).zip(clients) {
        match client.receive() {
            Ok(session::ClientAnswering::Answer { number: answer, .. }) if number < kept as u64 => {
                assert_eq!(answer, number + 1000);
            }
            Err(Closed) if number >= kept as u64 => {}
            other => panic!("{number}: {other:?}"),
        }
    }
}

#[test]
fn endpoints_in_blocks_in_a_block_arrive_each_with_its_own_peer() {
    let (idle, server) = desk();
    let (inner, inner_server) = desk();
    let (clients, cases): (Vec<_>, Vec<_>) = (0..50).map(asked).unzip();
    let mut cases = cases.into_iter().map(|case| ExBox::new(case).expect("memory"));
    let cases = ExBox::from_fn(50, |_| cases.next().expect("as many")).expect("memory");
    let mut inner = Some(inner);
    let inner = ExBox::from_fn(1, |_| inner.take().expect("one")).expect("memory");
    let working = idle.take_all(cases, inner);
    let Ok(desk::ServerIdle::TakeAll { cases, desk, next }) = server.receive() else {
        panic!("they were sent")
    };
    // They are where they were before, and it takes no copy to use the first.
    assert_eq!((cases.len(), cases[3].number, desk.len()), (50, 3, 1));
    drop(cases);
    drop(next.done());
    drop(done(working));
    for client in clients {
        assert_eq!(client.receive().err(), Some(Closed), "whoever drops a block closes the endpoints in it");
    }
    drop(desk);
    assert!(matches!(inner_server.receive(), Err(Closed)));
}

#[test]
fn a_server_that_speaks_first_can_be_handed_out_before_it_has() {
    let (idle, server) = desk();
    let worker = thread::spawn(move || work(3, server));
    let (client, session) = session();
    let working = idle.greet(session);
    let session::ClientGreeting::Hello { desk, next } = client.receive().expect("it greets");
    assert_eq!(desk, 3);
    answered(ask(next, 9), 9, 3).leave();
    drop(done(working));
    assert_eq!(worker.join().expect("no panic"), 2);
}

#[test]
fn an_accept_loop_hands_each_session_to_a_worker_of_its_own() {
    const CLIENTS: u64 = 20;
    let mut front = EndpointSet::new().expect("memory");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (client, server) = session();
            front.insert(server.hello(0), number);
            thread::spawn(move || {
                let session::ClientGreeting::Hello { mut next, .. } = client.receive().expect("greeted");
                for question in 0..50 {
                    next = answered(ask(next, question), question, number);
                }
                next.leave();
            })
        })
        .collect();
    let workers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            // The first message decides who gets the session; it takes the message along.
            let event = front.receive();
            let Ok(session::ServerAsking::Question { number, paper, next }) = event.received else {
                panic!("each has a question")
            };
            let (idle, server) = desk();
            drop(idle.take(Case { session: next, number, paper }));
            thread::spawn(move || work(event.data, server))
        })
        .collect();
    assert!(front.is_empty(), "the front has kept none");
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
    assert_eq!(workers.into_iter().map(|worker| worker.join().expect("no panic")).sum::<u64>(), 50 * CLIENTS);
}

#[test]
fn an_end_in_flight_whose_carrier_is_given_up_closes_its_channel() {
    let (idle, server) = desk();
    let (waiting, case) = asked(1);
    let working = idle.take(case);
    let Err(TryReceiveError::Empty(waiting)) = waiting.try_receive() else {
        panic!("the case is on its way")
    };
    // Nobody has received it, and nobody ever will.
    drop(server);
    assert_eq!(working.receive().err(), Some(Closed));
    assert_eq!(waiting.receive().err(), Some(Closed));
}

#[test]
fn an_end_in_flight_may_find_its_peer_gone_when_it_arrives() {
    let (idle, server) = desk();
    let (waiting, case) = asked(1);
    let _working = idle.take(case);
    drop(waiting);
    let Ok(desk::ServerIdle::Take { case, .. }) = server.receive() else { panic!("it was sent") };
    let asking = settle(1, case);
    assert!(matches!(asking.receive(), Err(Closed)), "the answer went to nobody, and succeeded");
}

/// A contract that carries its own endpoints: a link of a chain.
#[derive(Contract)]
#[contract(start = Whole)]
pub enum Link {
    /// The rest of the chain.
    #[client(Whole => Cut)]
    Rest {
        /// Another link.
        rest: link::Server<link::Cut>,
    },
    /// The last.
    #[client(Whole => Cut)]
    Last,
    /// Seen.
    #[server(Cut => End)]
    Seen {
        /// How many links lie behind this one.
        behind: u64,
    },
}

#[test]
fn a_contract_may_carry_its_own_endpoints_to_any_depth() {
    const LINKS: u64 = 1000;
    let (last, server) = Link::channel().expect("memory");
    let mut clients = vec![last.last()];
    let Ok(link::ServerWhole::Last { mut next }) = server.receive() else { panic!("it was sent") };
    for _ in 1..LINKS {
        let (client, server) = Link::channel().expect("memory");
        clients.push(client.rest(next));
        let Ok(link::ServerWhole::Rest { rest, next: outer }) = server.receive() else {
            panic!("it was sent")
        };
        rest.seen(clients.len() as u64);
        next = outer;
    }
    next.seen(0);
    for (number, client) in clients.into_iter().enumerate() {
        let Ok(link::ClientCut::Seen { behind }) = client.receive() else { panic!("every link was seen") };
        assert_eq!(behind, if number + 1 == LINKS as usize { 0 } else { number as u64 + 2 });
    }
}

#[test]
fn an_end_that_travels_while_its_peer_sends_a_whole_run_loses_nothing() {
    // The peer's answers are received at whichever thread the end has reached by then.
    let (mut client, mut server) = PingPong::channel().expect("memory");
    for round in 0..500 {
        let sender = thread::spawn(move || {
            let ping_pong::ServerIdle::Ping { value, next } = server.receive().expect("it comes");
            next.pong(value + 1)
        });
        let (carrier, arrival) = Carrier::channel().expect("memory");
        let receiver = thread::spawn(move || {
            let carrier::ServerEmpty::Load { end } = arrival.receive().expect("it comes");
            let waiting = end.ping(round);
            let ping_pong::ClientWaiting::Pong { value, next } = waiting.receive().expect("it is answered");
            assert_eq!(value, round + 1);
            next
        });
        carrier.load(client);
        client = receiver.join().expect("no panic");
        server = sender.join().expect("no panic");
    }
}

/// Takes a ping's client somewhere else.
#[derive(Contract)]
#[contract(start = Empty)]
pub enum Carrier {
    /// Goes with it.
    #[client(Empty => End)]
    Load {
        /// Between two pings.
        end: ping_pong::Client<ping_pong::Idle>,
    },
}
