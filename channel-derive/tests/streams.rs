//! Streams on the host: windows, credit, waiting, closing.

use std::thread;
use std::time::Duration;

use contracts::{Closed, Contract, EndpointSet, ExBox, SendError, TryReceiveError, TrySendError};

/// Streams one way, with a window of one, two or sixty-four, and an answer at the end.
macro_rules! pipe {
    ($module:ident, $window:literal) => {
        mod $module {
            use contracts::Contract;
            #[derive(Contract)]
            #[contract(start = Idle)]
            pub(super) enum Pipe {
                #[client(Idle => Open)]
                Begin { first: u64 },
                #[client(Open => Open, window = $window)]
                Item { number: u64 },
                #[client(Open => Summing)]
                Done,
                #[server(Summing => Idle)]
                Sum { sum: u64 },
                #[client(Idle => End)]
                Leave,
            }

            pub(super) fn serve(mut server: pipe::Server<pipe::Idle>) -> Result<u64, contracts::Closed> {
                let mut received = 0;
                while let pipe::ServerIdle::Begin { first, next } = server.receive()? {
                    let (mut sum, mut open) = (0, next);
                    server = loop {
                        match open.receive()? {
                            pipe::ServerOpen::Item { number, next } => {
                                assert_eq!(number, first + received, "in order, none lost");
                                received += 1;
                                sum += number;
                                open = next;
                            }
                            pipe::ServerOpen::Done { next } => break next.sum(sum),
                        }
                    };
                }
                Ok(received)
            }

            /// A million messages through the window, in rounds, by the sender that waits or the one that does not.
            pub(super) fn run(rounds: u64, items: u64, waits: impl Fn(u64) -> bool) {
                let (mut client, server) = Pipe::channel().expect("memory for a channel");
                let served = std::thread::spawn(move || serve(server));
                let mut sent = 0;
                for _ in 0..rounds {
                    let mut open = client.begin(0);
                    let start = sent;
                    for _ in 0..items {
                        open = if waits(sent) {
                            open.item(sent).expect("the server lives")
                        } else {
                            let mut open = open;
                            loop {
                                match open.try_item(sent) {
                                    Ok(open) => break open,
                                    Err(contracts::TrySendError::Full(back, item)) => {
                                        assert_eq!(item.number, sent);
                                        open = back;
                                        std::thread::yield_now();
                                    }
                                    Err(contracts::TrySendError::Closed(_)) => panic!("the server lives"),
                                }
                            }
                        };
                        sent += 1;
                    }
                    let pipe::ClientSumming::Sum { sum, next } =
                        open.done().receive().expect("the server lives");
                    assert_eq!(sum, (start..sent).sum::<u64>());
                    client = next;
                }
                client.leave();
                assert_eq!(served.join().expect("the server does not panic"), Ok(rounds * items));
            }
        }
    };
}

pipe!(one, 1);
pipe!(two, 2);
pipe!(many, 64);

#[test]
fn a_million_messages_arrive_in_order_through_a_window_of_sixty_four() {
    many::run(10, 100_000, |_| true);
}

#[test]
fn a_million_messages_arrive_in_order_through_a_window_of_two() {
    two::run(10, 100_000, |_| true);
}

#[test]
fn a_million_messages_arrive_in_order_through_a_window_of_one() {
    one::run(10, 100_000, |_| true);
}

#[test]
fn waiting_and_not_waiting_sends_mix() {
    one::run(100, 100, |item| item % 3 == 0);
    two::run(100, 100, |item| item % 3 == 0);
    many::run(100, 1000, |item| item % 128 < 100);
}

#[test]
fn depth_is_the_window_and_what_can_follow() {
    assert_eq!((one::Pipe::DEPTH_TO_SERVER, one::Pipe::DEPTH_TO_CLIENT), (2, 1));
    assert_eq!((many::Pipe::DEPTH_TO_SERVER, many::Pipe::DEPTH_TO_CLIENT), (65, 1));
}

/// Windows that are no powers of two, in both directions, one state with two of them, blocks that come back.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Feed {
    /// A block.
    #[client(Open => Open, window = 3)]
    Block {
        /// The bytes.
        bytes: ExBox<[u8]>,
    },
    /// A mark, which may go further ahead.
    #[client(Open => Open, Marking => Marking, window = 5)]
    Mark {
        /// Its number.
        number: u32,
    },
    /// Only marks from now on.
    #[client(Open => Marking)]
    OnlyMarks,
    /// The other side's turn.
    #[client(Open => Telling, Marking => Telling)]
    Turn,
    /// News.
    #[server(Telling => Telling, window = 4)]
    News {
        /// Its number.
        number: u32,
    },
    /// No more.
    #[server(Telling => Open)]
    NoMore,
}

fn block(length: usize) -> ExBox<[u8]> {
    ExBox::zeroed(length).expect("the host has memory for a block")
}

fn channel() -> (feed::Client<feed::Open>, feed::Server<feed::Open>) {
    Feed::channel().expect("memory for a channel")
}

#[test]
fn no_more_than_the_window_is_in_flight_though_the_ring_is_larger() {
    let (mut client, server) = channel();
    for _ in 0..3 {
        client = client.try_block(block(10)).expect("room");
    }
    let Err(TrySendError::Full(client, unsent)) = client.try_block(block(11)) else { panic!("three only") };
    assert_eq!(unsent.bytes.len(), 11, "the block comes back");
    // The other stream's window counts what is in flight, whatever it is.
    let client = client.try_mark(1).expect("room").try_mark(2).expect("room");
    let Err(TrySendError::Full(client, _)) = client.try_mark(3) else { panic!("five only") };
    // What is no stream's goes, and so does what follows it.
    let turned = client.only_marks().turn();
    assert_eq!(Feed::DEPTH_TO_SERVER, 7);
    drop(turned);
    let mut left = Some(server);
    let mut blocks = 0;
    while let Some(server) = left.take() {
        match server.receive().expect("sent before the close") {
            feed::ServerOpen::Block { next, .. } => (blocks, left) = (blocks + 1, Some(next)),
            feed::ServerOpen::Mark { next, .. } => left = Some(next),
            feed::ServerOpen::OnlyMarks { next } => {
                let Ok(feed::ServerMarking::Turn { next }) = next.receive() else { panic!("not the turn") };
                drop(next);
            }
            feed::ServerOpen::Turn { .. } => panic!("not sent in this state"),
        }
    }
    assert_eq!(blocks, 3);
}

#[test]
fn a_window_is_whole_again_after_the_peer_spoke() {
    let (mut client, mut server) = channel();
    for round in 0..20_u32 {
        for _ in 0..3 {
            client = client.try_block(block(1)).expect("a whole window");
        }
        let telling = client.turn();
        let mut at = server;
        let mut teller = loop {
            match at.receive().expect("sent") {
                feed::ServerOpen::Block { next, .. } => at = next,
                feed::ServerOpen::Turn { next } => break next,
                _ => panic!("not sent"),
            }
        };
        for number in 0..4 {
            teller = teller.try_news(number).expect("a whole window");
        }
        let Err(TrySendError::Full(teller, _)) = teller.try_news(round) else { panic!("four only") };
        server = teller.no_more();
        let mut at = telling;
        client = loop {
            match at.receive().expect("sent") {
                feed::ClientTelling::News { next, .. } => at = next,
                feed::ClientTelling::NoMore { next } => break next,
            }
        };
    }
}

#[test]
fn a_receiver_that_finds_nothing_gives_credit_for_all_it_took() {
    let (client, server) = many::Pipe::channel().expect("memory for a channel");
    let mut client = client.begin(0);
    for number in 0..63 {
        client = client.try_item(number).expect("room");
    }
    let Err(TrySendError::Full(client, _)) = client.try_item(63) else { panic!("`Begin` is in flight, too") };
    let many::pipe::ServerIdle::Begin { next: mut server, .. } = server.receive().expect("sent") else {
        panic!("not `Begin`")
    };
    // One message: no batch yet, no credit.
    let Err(TrySendError::Full(mut client, _)) = client.try_item(63) else {
        panic!("credit comes in batches")
    };
    for _ in 0..3 {
        let many::pipe::ServerOpen::Item { next, .. } = server.receive().expect("sent") else {
            panic!("not an item")
        };
        server = next;
    }
    let Err(TrySendError::Full(back, _)) = client.try_item(63) else { panic!("credit comes in batches") };
    client = back;
    loop {
        match server.try_receive() {
            Ok(many::pipe::ServerOpen::Item { next, .. }) => server = next,
            Ok(many::pipe::ServerOpen::Done { .. }) => panic!("not sent"),
            Err(TryReceiveError::Empty(back)) => {
                server = back;
                break;
            }
            Err(_) => panic!("open"),
        }
    }
    for number in 0..64 {
        client = client.try_item(number).expect("a whole window");
    }
    assert!(matches!(client.try_item(64), Err(TrySendError::Full(..))));
    drop(server);
}

#[test]
fn a_member_of_a_set_has_given_credit_for_all_it_took() {
    let (client, server) = many::Pipe::channel().expect("memory for a channel");
    let mut client = client.begin(0);
    let many::pipe::ServerIdle::Begin { next: server, .. } = server.receive().expect("sent") else {
        panic!("not `Begin`")
    };
    let mut set = EndpointSet::<many::pipe::Server<many::pipe::Open>>::new().expect("memory for a set");
    set.insert(server, ());
    for number in 0..1000 {
        client = client.try_item(number).expect("the set is served after each item");
        let Ok(many::pipe::ServerOpen::Item { next, .. }) = set.receive().received else { panic!("an item") };
        set.insert(next, ());
    }
}

#[test]
fn a_sender_that_waits_for_a_peer_that_closes_gets_its_message_back() {
    let (client, server) = channel();
    let sender = thread::spawn(move || {
        let mut client = client;
        for length in 0.. {
            match client.block(block(length)) {
                Ok(next) => client = next,
                Err(SendError(unsent)) => return (length, unsent.bytes.len()),
            }
        }
        unreachable!("the window ends")
    });
    thread::sleep(Duration::from_millis(30));
    drop(server);
    assert_eq!(sender.join().expect("the sender does not panic"), (3, 3));
}

#[test]
fn a_send_succeeds_within_the_window_when_the_peer_is_gone() {
    let (client, server) = channel();
    drop(server);
    let client = client.block(block(1)).expect("room").block(block(1)).expect("room");
    let client = client.try_block(block(1)).expect("room");
    assert!(matches!(client.try_block(block(1)), Err(TrySendError::Closed(_))));
}

#[test]
fn what_was_streamed_before_a_close_is_received_and_then_closed() {
    let (client, server) = channel();
    drop(client.mark(1).expect("room").mark(2).expect("room"));
    let Ok(feed::ServerOpen::Mark { number: 1, next }) = server.receive() else { panic!("the first") };
    let Ok(feed::ServerOpen::Mark { number: 2, next }) = next.receive() else { panic!("the second") };
    assert_eq!(next.receive().err(), Some(Closed));
}

/// An endpoint that changes hands in the middle of a stream.
#[derive(Contract)]
#[contract(start = Ready)]
pub enum Hand {
    /// Goes on with it.
    #[client(Ready => End)]
    Over {
        /// A sender in the middle of its stream.
        feed: feed::Client<feed::Open>,
    },
}

#[test]
fn an_endpoint_that_moves_keeps_its_window() {
    let (client, server) = channel();
    let client = client.block(block(1)).expect("room").block(block(2)).expect("room");
    let (giver, taker) = Hand::channel().expect("memory for a channel");
    giver.over(client);
    let Ok(hand::ServerReady::Over { feed: client }) = taker.receive() else { panic!("sent") };
    let client = client.try_block(block(3)).expect("room for one");
    let Err(TrySendError::Full(client, _)) = client.try_block(block(4)) else { panic!("three only") };
    let sender = thread::spawn(move || client.block(block(4)).map(drop));
    let Ok(feed::ServerOpen::Block { next, .. }) = server.receive() else { panic!("sent") };
    assert!(sender.join().expect("the sender does not panic").is_ok());
    drop(next);
}
