//! Does what the examiner asks it to, at the other end of its channels.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::time::Duration;

use contracts::spec::ping::{PingPong, ping_pong};
use contracts::{Closed, Contract, Either, EndpointSet, Event, Exhausted, Instant};
use trial::assist::{Assist, Then, assist, greeter};
use trial::line::own_number;
use trial::tally::rich_tally;
use trial::walk;

mod following;

use following::Following;

rt::manifest! {
    main: main,
    provides: { assistant: Assist },
    priority: trial::assist::PRIORITY,
    channels: 20_000,
}

type Seat = ping_pong::Server<ping_pong::Idle>;
type Account = rich_tally::Server<rich_tally::Ready>;
type Greeted = greeter::Server<greeter::Greeted>;
type Member = Either<assist::Server<assist::Ready>, Either<Seat, Either<Account, Greeted>>>;

/// What is kept for a member.
#[derive(Default)]
struct Notes {
    /// The stream that it is told to receive from.
    following: Option<Following>,
    /// What was there when its account began, and what was put since.
    numbers: Vec<u64>,
}

struct Assistant {
    members: EndpointSet<Member, Notes>,
    holding: Vec<(assist::Server<assist::Holding>, Notes)>,
}

fn main(grants: Grants) {
    let members = grants.assistant.clients_and();
    let mut assistant = Assistant { members, holding: Vec::new() };
    loop {
        let Event { received, data } = assistant.members.receive();
        match received {
            Ok(Either::This(request)) => assistant.assist(request, data),
            Ok(Either::That(Either::This(ping_pong::ServerIdle::Ping { value, next }))) => {
                assistant.members.insert(seat(next.pong(value)), data);
            }
            Ok(Either::That(Either::That(Either::This(request)))) => assistant.account(request, data),
            Ok(Either::That(Either::That(Either::That(greeter::ServerGreeted::Thanks { then, next })))) => {
                match then {
                    Then::Welcome => assistant.members.insert(greeted(next), data),
                    Then::Close => drop(next),
                }
            }
            Err(Closed) => {}
        }
    }
}

fn seat(server: Seat) -> Member {
    Either::That(Either::This(server))
}

fn account(server: Account) -> Member {
    Either::That(Either::That(Either::This(server)))
}

fn greeted(server: greeter::Server<greeter::Silent>) -> Member {
    Either::That(Either::That(Either::That(server.welcome(own_number()))))
}

impl Assistant {
    fn assist(&mut self, request: assist::ServerReady, mut notes: Notes) {
        let next = match request {
            assist::ServerReady::Follow { feed, next } => {
                notes.following = Some(Following::start(feed));
                next.done()
            }
            assist::ServerReady::Serve { session, sum, next } => {
                let session = account(session.opened(own_number()));
                self.members.insert(session, Notes { numbers: [sum].into(), ..Notes::default() });
                next.done()
            }
            assist::ServerReady::Greet { greeter, next } => {
                self.members.insert(greeted(greeter), Notes::default());
                next.done()
            }
            assist::ServerReady::Rest { nanoseconds, next } => {
                contracts::time::sleep_until(Instant::now() + Duration::from_nanos(nanoseconds));
                next.done()
            }
            assist::ServerReady::Release { next } => {
                for (holding, notes) in self.holding.drain(..) {
                    self.members.insert(Either::This(holding.released()), notes);
                }
                next.done()
            }
            assist::ServerReady::Forget { next } => {
                notes.following = None;
                next.done()
            }
            assist::ServerReady::Finish { travellers, next } => {
                for walk::Traveller { luggage, walk } in travellers {
                    walk.three(own_number(), luggage);
                }
                next.done()
            }
            assist::ServerReady::Take { count, next } => {
                following::report(next, notes.following.as_mut().map(|following| following.take(count)))
            }
            assist::ServerReady::TakeThere { next } => {
                following::report(next, notes.following.as_mut().map(Following::take_there))
            }
            assist::ServerReady::TakeAll { next } => {
                following::report(next, notes.following.as_mut().map(Following::take_all))
            }
            assist::ServerReady::Sit { next } => match PingPong::channel() {
                Ok((client, server)) => {
                    self.members.insert(seat(server), Notes::default());
                    next.seated(client)
                }
                Err(Exhausted) => next.no_seat(),
            },
            assist::ServerReady::Hold { next } => return self.holding.push((next, notes)),
            assist::ServerReady::Carry { number, walk, next } => {
                // Whoever gave it is at the other end, too, or has closed it.
                let Ok(walk::walk::ClientAfterOne::Go { next: walk }) = walk.one(own_number()).receive()
                else {
                    return;
                };
                next.carried(walk::Walker { number, walk })
            }
        };
        self.members.insert(Either::This(next), notes);
    }

    fn account(&mut self, request: rich_tally::ServerReady, mut notes: Notes) {
        let next = match request {
            rich_tally::ServerReady::Put { number, next } => {
                notes.numbers.push(number.into());
                next
            }
            rich_tally::ServerReady::PutMany { numbers, next } => {
                notes.numbers.extend(numbers.map(u64::from));
                next
            }
            rich_tally::ServerReady::Ask { next } => next.sum(notes.numbers.iter().sum()),
            rich_tally::ServerReady::List { mut next } => {
                for number in &notes.numbers {
                    let Ok(same) = next.element([*number; 30]) else { return };
                    next = same;
                }
                next.listed()
            }
        };
        self.members.insert(account(next), notes);
    }
}
