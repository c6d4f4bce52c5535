//! What comes beside the bytes must suit them.

use std::thread;

use contracts::form::Fault;
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::testing::{Native, Refused};
use contracts::wire::{self, Handle};
use contracts::{AnyEndpoint, Contract, ExBox, SendFirst, Side};

use crate::alone;
use crate::zoo::{PingPongs, ping_pongs};

/// One of each kind.
#[derive(Contract)]
#[contract(start = S0)]
pub(crate) enum Beside {
    /// As many as there are.
    #[client(S0 => S1)]
    Numbers { numbers: ExBox<[u32]> },
    /// One.
    #[client(S1 => S2)]
    Number { number: ExBox<u32> },
    /// One after the other.
    #[client(S2 => S3)]
    Both { bytes: ExBox<[u8]>, client: ping_pong::Client<ping_pong::Idle> },
    /// The other side, in the other state.
    #[client(S3 => S4)]
    Server { server: ping_pong::Server<ping_pong::Waiting> },
    /// Of an extension.
    #[client(S4 => S5)]
    Newer { newer: ping_pongs::Server<ping_pongs::Waiting> },
    /// Of a client's side of an extension.
    #[client(S5 => S6)]
    NewerClient { client: ping_pongs::Client<ping_pongs::Idle> },
    /// Any.
    #[client(S6 => S7)]
    Any { any: AnyEndpoint },
    /// Many.
    #[client(S7 => End)]
    Truths { truths: ExBox<[bool]> },
}

/// What crosses as one handle.
fn end(endpoint: impl SendFirst) -> Handle {
    Handle::Endpoint(AnyEndpoint::new(endpoint))
}

fn block(bytes: &[u8]) -> Handle {
    let mut packet = wire::encode(contracts::spec::serial::SerialInput::Read {
        buffer: ExBox::copy_of(bytes).expect("memory"),
    });
    packet.as_mut().expect("memory").handles.pop().expect("the buffer")
}

fn ping() -> (ping_pong::Client<ping_pong::Idle>, ping_pong::Server<ping_pong::Idle>) {
    PingPong::channel().expect("memory")
}

/// A server that has been asked, and who asked.
fn asked() -> (ping_pong::Client<ping_pong::Waiting>, ping_pong::Server<ping_pong::Waiting>) {
    let (client, server) = ping();
    let client = client.ping(1);
    let Ok(ping_pong::ServerIdle::Ping { next, .. }) = server.receive() else { panic!("it was sent") };
    (client, next)
}

/// As above, of the extension.
fn asked_newer() -> ping_pongs::Server<ping_pongs::Waiting> {
    let (client, server) = PingPongs::channel().expect("memory");
    drop(client.ping(1));
    let Ok(ping_pongs::ServerIdle::Ping { next, .. }) = server.receive() else { panic!("it was sent") };
    next
}

/// What comes of message `number` with these bytes and handles.
fn adopt(number: u16, bytes: &[u8], handles: Vec<Handle>) -> Result<(), Refused> {
    Native { number, bytes: bytes.to_vec(), handles }.adopt::<Beside>().map(drop)
}

/// The body of a message of one block with so many elements.
fn length(length: u64) -> Vec<u8> {
    [0, length, 0].iter().flat_map(|word| word.to_le_bytes()).collect()
}

const fn refused<T>(fault: Fault) -> Result<T, Refused> {
    Err(Refused::Fault(fault))
}

#[test]
fn a_block_has_the_size_that_its_length_and_its_type_say() {
    let _alone = alone();
    let adopt = |number, count, bytes: usize| adopt(number, &length(count), vec![block(&vec![0; bytes])]);
    assert_eq!(adopt(0, 0, 0), Ok(()));
    assert_eq!(adopt(0, 3, 12), Ok(()));
    assert_eq!(adopt(0, 3, 11), refused(Fault::BadLength));
    assert_eq!(adopt(0, 3, 16), refused(Fault::BadLength));
    // It wraps.
    assert_eq!(adopt(0, (1 << 62) + 3, 12), refused(Fault::BadLength));
    assert_eq!(adopt(0, u64::MAX, 12), refused(Fault::BadLength));
    assert_eq!(adopt(1, 1, 4), Ok(()));
    assert_eq!(adopt(1, 2, 8), refused(Fault::BadLength));
    assert_eq!(adopt(1, 1, 8), refused(Fault::BadLength));
    assert_eq!(adopt(1, 0, 0), refused(Fault::BadLength));
}

#[test]
fn a_message_carries_what_is_in_it_no_more_and_no_less_in_its_order() {
    let _alone = alone();
    let (bytes, client) = (|| block(&[1, 2]), || end(ping().0));
    let mut body = length(2);
    body.extend_from_slice(&[0; 8]);
    let adopt = |handles| adopt(2, &body, handles);
    assert_eq!(adopt(vec![bytes(), client()]), Ok(()));
    assert_eq!(adopt(vec![bytes()]), refused(Fault::TooFew));
    assert_eq!(adopt(vec![]), refused(Fault::TooFew));
    assert_eq!(adopt(vec![bytes(), client(), client()]), refused(Fault::TooMany));
    assert_eq!(adopt(vec![bytes(), client(), bytes()]), refused(Fault::TooMany));
    assert_eq!(adopt(vec![client(), bytes()]), refused(Fault::NotABlock));
    assert_eq!(adopt(vec![bytes(), bytes()]), refused(Fault::NotAnEndpoint));
}

#[test]
fn an_endpoint_is_of_the_contract_the_side_and_the_state_that_the_type_says() {
    let _alone = alone();
    let adopt = |number, handle| adopt(number, &[0; 8], vec![handle]);
    let (_kept, server) = asked();
    assert_eq!(adopt(3, end(server)), Ok(()));
    assert_eq!(adopt(3, end(asked_newer())), refused(Fault::WrongContract));
    assert_eq!(adopt(3, end(ping().0)), refused(Fault::WrongSide));
    let (_kept, server) = ping();
    // SAFETY: it is in the start state, and nobody uses it as what this says.
    let lie = unsafe { AnyEndpoint::from_raw(contracts::Endpoint::into_raw(server), Side::Server, 1) };
    assert_eq!(adopt(3, Handle::Endpoint(lie)), refused(Fault::WrongState));
    // A server of an extension serves clients of the base; a client of the extension has no server there.
    assert_eq!(adopt(4, end(asked_newer())), Ok(()));
    assert_eq!(adopt(4, end(asked().1)), Ok(()));
    assert_eq!(adopt(5, end(PingPongs::channel().expect("memory").0)), Ok(()));
    assert_eq!(adopt(5, end(ping().0)), refused(Fault::WrongContract));
}

#[test]
fn an_endpoint_to_which_a_message_is_under_way_is_in_no_state_to_be_told() {
    let _alone = alone();
    let (client, server) = asked();
    let client = contracts::Endpoint::into_raw(client);
    drop(server.pong(1));
    // The channel is in the client's start state, and the client is not, before it has received.
    // SAFETY: as above.
    let lie = unsafe { AnyEndpoint::from_raw(client, Side::Client, 0) };
    let mut body = length(2);
    body.extend_from_slice(&[0; 8]);
    assert_eq!(adopt(2, &body, vec![block(&[1, 2]), Handle::Endpoint(lie)]), refused(Fault::WrongState));
}

#[test]
fn an_endpoint_of_any_contract_says_what_it_is_and_is_that() {
    let _alone = alone();
    let adopt = |side: Side, state: u16, handle| {
        let mut body = vec![0; 16];
        body[8] = side as u8;
        body[10..12].copy_from_slice(&state.to_le_bytes());
        adopt(6, &body, vec![handle])
    };
    assert_eq!(adopt(Side::Client, 0, end(ping().0)), Ok(()));
    assert_eq!(adopt(Side::Server, 1, end(asked_newer())), Ok(()));
    assert_eq!(adopt(Side::Server, 0, end(ping().0)), refused(Fault::WrongSide));
    assert_eq!(adopt(Side::Client, 1, end(ping().0)), refused(Fault::WrongState));
    assert_eq!(adopt(Side::Client, 0x100, end(ping().0)), refused(Fault::WrongState));
    assert_eq!(adopt(Side::Client, 0, block(&[])), refused(Fault::NotAnEndpoint));
}

#[test]
fn millions_of_elements_are_looked_at_on_a_small_stack() {
    let _alone = alone();
    let adopt = || {
        let mut truths = vec![1; 3_000_000];
        assert_eq!(adopt(7, &length(3_000_000), vec![block(&truths)]), Ok(()));
        truths[2_999_999] = 2;
        assert_eq!(adopt(7, &length(3_000_000), vec![block(&truths)]), refused(Fault::BadBool));
    };
    thread::Builder::new().stack_size(65_536).spawn(adopt).expect("a thread").join().expect("no overflow");
}
