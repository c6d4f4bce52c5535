//! How many blocks and endpoints one message carries.

use contracts::binding::host::{channels, ledger};
use contracts::spec::ping::{PingPong, ping_pong};
use contracts::wire::{self, EncodeError, Handle, Packet, Violation};
use contracts::{AnyEndpoint, Contract, ExBox, Exchange, MOST_HANDLES, Side};

/// As many pairs as a message carries.
const PAIRS: usize = MOST_HANDLES / 2;

/// Many at once.
#[allow(clippy::large_enum_variant)] // the size is the point
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Bundle {
    /// As many as the type says.
    #[client(Idle => Full)]
    Row {
        /// Pairs.
        pairs: [Pair; PAIRS],
    },
    /// As many as there are.
    #[client(Full => End)]
    Heap {
        /// The endpoints.
        clients: ExBox<[ping_pong::Client<ping_pong::Idle>]>,
    },
}

/// A block, and an endpoint.
#[derive(Exchange)]
#[repr(C)]
pub struct Pair {
    block: ExBox<u32>,
    client: ping_pong::Client<ping_pong::Idle>,
}

fn ping() -> ping_pong::Client<ping_pong::Idle> {
    PingPong::channel().expect("memory for a channel").0
}

fn pair() -> Pair {
    Pair { block: ExBox::new(7).expect("memory for a block"), client: ping() }
}

/// A message with a block of so many endpoints.
fn heap(count: usize) -> Bundle {
    Bundle::Heap { clients: ExBox::from_fn(count, |_| ping()).expect("memory for a block") }
}

const FULL: u16 = 1;

#[test]
fn in_wire_form_a_message_carries_so_many_blocks_and_endpoints_and_no_more() {
    let row = Bundle::Row { pairs: core::array::from_fn(|_| pair()) };
    let packet = wire::encode(row).expect("a message that the compiler accepts is never too much");
    assert_eq!(packet.handles.len(), MOST_HANDLES);
    assert!(wire::decode::<Bundle>(Side::Client, 0, packet).is_ok());

    // A block and its endpoints. Those in a block are sent packed, after them comes the block.
    let packet = wire::encode(heap(MOST_HANDLES - 1)).expect("as many as a message carries");
    assert_eq!(packet.handles.len(), MOST_HANDLES);
    assert!(wire::decode::<Bundle>(Side::Client, FULL, packet).is_ok());
    let error = wire::encode(heap(MOST_HANDLES)).expect_err("one more");
    assert_eq!(error, EncodeError::TooManyHandles { count: MOST_HANDLES + 1 });

    // A sender that is not to be believed sends it all the same.
    let Packet { bytes, mut handles } =
        wire::encode(heap(MOST_HANDLES - 1)).expect("as many as there may be");
    handles.push(Handle::Endpoint(AnyEndpoint::new(ping())));
    let refused = wire::decode::<Bundle>(Side::Client, FULL, Packet { bytes, handles });
    assert_eq!(refused.err(), Some(Violation::TooManyHandles { count: MOST_HANDLES + 1 }.into()));
    assert_eq!((ledger().len(), channels()), (0, 0), "what was refused is freed and closed");
}
