//! What the test kit finds, and how it says so.

use std::time::Duration;

use contracts::spec::count::{Count, count};
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::spec::store::Store;
use contracts::testing::{Cause, Random, Script, Walk, made_up};
use contracts::{Closed, Contract, ExBox, Side};

type Server = ping_pong::Server<ping_pong::Idle>;

/// Answers with what `answer` makes of the value.
fn serve(mut server: Server, answer: impl Fn(u64) -> u64) -> Closed {
    loop {
        match server.receive() {
            Ok(ping_pong::ServerIdle::Ping { value, next }) => server = next.pong(answer(value)),
            Err(closed) => return closed,
        }
    }
}

/// Looks whether each pong says what its ping said.
fn same_value() -> impl FnMut(Side, &PingPong) {
    let mut asked = 0;
    move |_, message: &PingPong| match message {
        PingPong::Ping { value } => asked = *value,
        PingPong::Pong { value } => assert_eq!(*value, asked, "the pong is not the ping"),
    }
}

#[test]
fn a_server_that_keeps_to_script_and_walk_passes() {
    Script::new()
        .sends(PingPong::Ping { value: 7 })
        .expects(PingPong::Pong { value: 7 })
        .server(|s| serve(s, |v| v));
    Walk::new().checked_by(same_value).server(|server| serve(server, |value| value));
}

#[test]
fn a_client_is_tested_like_a_server() {
    fn ask(mut client: ping_pong::Client<ping_pong::Idle>) -> Option<u64> {
        for _ in 0..3 {
            let ping_pong::ClientWaiting::Pong { next, .. } = client.ping(1).receive().ok()?;
            client = next;
        }
        Some(0)
    }
    let ping = || PingPong::Ping { value: 1 };
    let pong = |value| PingPong::Pong { value };
    Script::new().expects(ping()).sends(pong(1)).expects(ping()).sends(pong(2)).client(ask);
    Walk::<PingPong>::new().may_close().client(ask);
}

#[test]
fn a_wrong_answer_is_shown_beside_the_right_one_with_all_that_was_said() {
    let script = Script::new()
        .sends(PingPong::Ping { value: 1 })
        .expects(PingPong::Pong { value: 2 })
        .sends(PingPong::Ping { value: 2 })
        .expects(PingPong::Pong { value: 2 });
    let failure = script.try_server(|server| serve(server, |value| value + 1)).expect_err("3 is not 2");
    assert_eq!(
        failure.to_string(),
        "the server of PingPong fails in state `Idle`: expected Pong { value: 2 }\n      got Pong { value: 3 }\n\
         messages:\n  Idle: client sends Ping { value: 1 }\n  Waiting: server sends Pong { value: 2 }\n  \
         Idle: client sends Ping { value: 2 }"
    );
}

#[test]
fn blocks_are_compared_and_shown_by_content() {
    let block = |bytes: &[u8]| ExBox::copy_of(bytes).expect("memory");
    let echo = |server: count::Server<count::Idle>| {
        if let Ok(count::ServerIdle::Part { mut block, next, .. }) = server.receive() {
            block[0] += 1;
            let _ = next.counted(block).receive();
        }
    };
    let script = |expected| {
        Script::new()
            .sends(Count::Part { block: block(b"abc"), length: 3 })
            .expects(Count::Counted { block: expected })
    };
    script(block(b"bbc")).server(echo);
    let failure = script(block(b"abc")).try_server(echo).expect_err("it is changed");
    let Cause::Unexpected { expected, got } = failure.cause else { panic!("{failure}") };
    assert_eq!(expected, "Counted { block: block of 3 bytes [61, 62, 63] }");
    assert_eq!(got, "Counted { block: block of 3 bytes [62, 62, 63] }");
}

#[test]
fn silence_closing_and_panics_are_told_apart() {
    let walk = || Walk::<PingPong>::new().patience(Duration::from_millis(100));
    let failure = walk().try_server(|server: Server| {
        let received = server.receive();
        std::thread::sleep(Duration::from_secs(5));
        drop(received);
    });
    assert_eq!(failure.expect_err("silent").cause, Cause::Silent { waited: Duration::from_millis(100) });
    let failure = walk().try_server(drop::<Server>).expect_err("closed");
    assert_eq!((failure.cause, failure.state), (Cause::Closed, "Waiting"));
    let failure =
        walk().try_server(|server| serve(server, |value| value.checked_add(1).expect("no overflow")));
    assert_eq!(
        failure.expect_err("u64::MAX comes").cause,
        Cause::Panicked { message: "no overflow".to_owned() }
    );
}

#[test]
fn a_failed_walk_says_the_seed_that_makes_it_fail_again() {
    let walk = |seed| {
        Walk::new()
            .seed(seed)
            .checked_by(same_value)
            .try_server(|server| serve(server, |value| value.min(u64::MAX - 1)))
            .expect_err("the largest number comes at some time")
    };
    let (one, again) = (walk(3), walk(3));
    assert_eq!(one.to_string(), again.to_string());
    assert_eq!(one.seed.map(|(seed, _)| seed), Some(3));
    assert!(matches!(&one.cause, Cause::Refused { message } if message.contains("the pong is not the ping")));
}

#[test]
fn a_script_that_breaks_the_contract_is_the_authors_fault() {
    let failure = Script::new()
        .sends(PingPong::Pong { value: 1 })
        .try_server(|server| serve(server, |value| value))
        .expect_err("a client sends no pong");
    assert!(
        failure.to_string().contains("the script is wrong: this side does not send `Pong` in state `Idle`")
    );
    let failure = Script::new()
        .expects(PingPong::Pong { value: 1 })
        .try_server(|server| serve(server, |value| value))
        .expect_err("the client speaks first");
    assert_eq!(failure.cause, Cause::NotNow);
}

#[test]
fn what_is_made_up_varies() {
    let mut random = Random::new(5);
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..200 {
        if let Store::Put { value, .. } = made_up(2, &mut random) {
            lengths.insert(value.len());
        }
    }
    assert!(
        lengths.len() > 30 && lengths.contains(&0) && *lengths.last().expect("many") > 1000,
        "{lengths:?}"
    );
}

/// Numbers in a stream, and their sum.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Flow {
    /// One more.
    #[client(Open => Open, window = 4)]
    Item {
        /// The number.
        number: u32,
    },
    /// No more for now.
    #[client(Open => Adding)]
    Done,
    /// Their sum.
    #[server(Adding => Open)]
    Sum {
        /// It.
        sum: u64,
    },
}

fn sum(mut server: flow::Server<flow::Open>) {
    let mut total = 0;
    loop {
        server = match server.receive() {
            Ok(flow::ServerOpen::Item { number, next }) => {
                total += u64::from(number);
                next
            }
            Ok(flow::ServerOpen::Done { next }) => next.sum(std::mem::take(&mut total)),
            Err(Closed) => return,
        };
    }
}

#[test]
fn a_walk_streams_within_the_window() {
    let sums = || {
        let mut sent = 0;
        move |_, message: &Flow| match message {
            Flow::Item { number } => sent += u64::from(*number),
            Flow::Done => {}
            Flow::Sum { sum } => assert_eq!(*sum, std::mem::take(&mut sent)),
        }
    };
    Walk::new().steps(500).checked_by(sums).server(sum);
    let deaf = |server: flow::Server<flow::Open>| {
        std::thread::sleep(Duration::from_secs(5));
        drop(server);
    };
    let patience = Duration::from_millis(50);
    let many = (0..9).fold(Script::new(), |script, number| script.sends(Flow::Item { number }));
    let failure = many.patience(patience).try_server(deaf).expect_err("four fit");
    assert_eq!((failure.cause, failure.trace.len()), (Cause::Deaf { waited: patience }, 5));
}

/// Asks and is told; either side can end it.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Talk {
    /// A question.
    #[client(Idle => Asked)]
    Ask,
    /// An answer.
    #[server(Asked => Idle)]
    Answer,
    /// No answer, and no more questions.
    #[server(Asked => End)]
    Enough,
    /// No more questions.
    #[client(Idle => End)]
    Leave,
}

/// Answers this often, then does what `last` does.
fn answer(mut server: talk::Server<talk::Idle>, times: usize, last: impl FnOnce(talk::Server<talk::Idle>)) {
    for _ in 0..times {
        let Ok(talk::ServerIdle::Ask { next }) = server.receive() else { panic!("not a question") };
        server = next.answer();
    }
    last(server);
}

#[test]
fn a_close_is_expected_whoever_is_to_speak_and_at_the_end() {
    let asked = || Script::new().sends(Talk::Ask).expects(Talk::Answer);
    asked().expects_close().server(|server| answer(server, 1, drop));
    // What it is to say next is nothing.
    asked()
        .sends(Talk::Ask)
        .expects_close()
        .server(|server| answer(server, 1, |server| drop(server.receive())));
    let serve = |server: talk::Server<talk::Idle>| drop(server.receive());
    Script::new().sends(Talk::Leave).expects_close().server(serve);
    Script::new().sends(Talk::Ask).expects(Talk::Enough).expects_close().server(|server| {
        if let Ok(talk::ServerIdle::Ask { next }) = server.receive() {
            next.enough();
        }
    });
}

#[test]
fn who_is_to_close_and_does_not_is_found_out_whoever_is_to_speak_and_at_the_end() {
    let patience = Duration::from_millis(50);
    let stay = |server: talk::Server<talk::Idle>| {
        answer(server, 1, |server| {
            std::thread::sleep(Duration::from_secs(5));
            drop(server);
        });
    };
    let asked = || Script::new().patience(patience).sends(Talk::Ask).expects(Talk::Answer);
    for script in [asked(), asked().sends(Talk::Leave), asked().sends(Talk::Ask)] {
        let failure = script.expects_close().try_server(stay).expect_err("it is still there");
        assert_eq!(failure.cause, Cause::Open { got: None });
    }
    let broken = asked().expects_close().try_server(|server| answer(server, 1, |_| panic!("broken")));
    assert_eq!(broken.expect_err("a panic").cause, Cause::Panicked { message: "broken".to_owned() });
}

/// Where the calling thread panics in `run`, which it does.
fn place_of_panic(run: impl FnOnce() + std::panic::UnwindSafe) -> (String, u32) {
    use std::panic;
    use std::sync::{Arc, Mutex};
    let (place, me) = (Arc::new(Mutex::new(None)), std::thread::current().id());
    let (noted, before) = (place.clone(), panic::take_hook());
    panic::set_hook(Box::new(move |info| match info.location() {
        Some(location) if std::thread::current().id() == me => {
            *noted.lock().expect("no panic") = Some((location.file().to_owned(), location.line()));
        }
        _ => before(info),
    }));
    let _ = panic::catch_unwind(run).expect_err("it panics");
    let _ = panic::take_hook();
    let found = place.lock().expect("no panic").take();
    found.expect("a place")
}

#[test]
fn a_failure_names_the_line_of_the_test() {
    let (file, line) = (file!().to_owned(), line!());
    let script = || Script::new().sends(PingPong::Ping { value: 1 }).expects(PingPong::Pong { value: 2 });
    let found = place_of_panic(move || script().server(|server| serve(server, |value| value)));
    assert_eq!(found, (file.clone(), line + 2));
    let found = place_of_panic(|| Walk::<PingPong>::new().server(drop::<Server>));
    assert_eq!(found, (file, line + 4));
}
