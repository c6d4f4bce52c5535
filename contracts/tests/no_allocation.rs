//! Sends succeed with an allocator that ends the process when it is called, and with the exchange heap exhausted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::process::{Command, abort};
use std::thread;

use contracts::binding::host::{Exhaustion, bytes_copied, pretend_exhausted};
use contracts::{Closed, Contract, EndpointSet, ExBox, Exhausted};

/// One message of each kind.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Everything {
    /// Plain data.
    #[client(Idle => Filled)]
    Numbers {
        /// The data.
        numbers: [u64; 16],
    },
    /// A block.
    #[client(Filled => Boxed)]
    Bytes {
        /// The block.
        bytes: ExBox<[u8]>,
    },
    /// A block of blocks.
    #[client(Boxed => Nested)]
    Blocks {
        /// The block.
        blocks: ExBox<[ExBox<u64>]>,
    },
    /// An end of another channel.
    #[client(Nested => Asked)]
    Lead {
        /// The end.
        other: everything::Client<everything::Idle>,
    },
    /// The answer.
    #[server(Asked => Idle)]
    Answer {
        /// A block.
        bytes: ExBox<[u8]>,
    },
}

/// Blocks one after the other.
#[derive(Contract)]
#[contract(start = Open)]
pub enum Parcels {
    /// One of them.
    #[client(Open => Open, window = 4)]
    Parcel {
        /// The block.
        block: ExBox<u64>,
    },
    /// No more.
    #[client(Open => End)]
    Last,
}

thread_local! {
    static ARMED: Cell<Armed> = const { Cell::new(Armed::No) };
}

/// What ends the process.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Armed {
    No,
    AgainstAllocation,
    AgainstAnyCall,
}

/// The host's allocator; while the calling thread has armed it, a call ends the process. (To unwind out of an
/// allocator is undefined, so it does not panic.)
struct Guarded;

fn refuse_if(is_refused: impl Fn(Armed) -> bool) {
    if is_refused(ARMED.get()) {
        ARMED.set(Armed::No);
        eprintln!("the allocator was called while it was armed");
        abort();
    }
}

// SAFETY: it is the system's allocator, but for calls that do not return.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        refuse_if(|armed| armed != Armed::No);
        // SAFETY: passed on to the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        refuse_if(|armed| armed == Armed::AgainstAnyCall);
        // SAFETY: passed on to the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        refuse_if(|armed| armed != Armed::No);
        // SAFETY: passed on to the caller.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static GUARDED: Guarded = Guarded;

/// Does `act` without an allocator.
fn without_allocator<T>(act: impl FnOnce() -> T) -> T {
    armed(Armed::AgainstAnyCall, act)
}

fn armed<T>(against: Armed, act: impl FnOnce() -> T) -> T {
    ARMED.set(against);
    let result = act();
    ARMED.set(Armed::No);
    result
}

struct Load {
    bytes: ExBox<[u8]>,
    blocks: ExBox<[ExBox<u64>]>,
    other: everything::Client<everything::Idle>,
}

impl Load {
    fn new(size: usize) -> Self {
        Load {
            bytes: ExBox::from_fn(size, |index| index as u8).expect("memory"),
            blocks: ExBox::from_fn(100, |index| ExBox::new(index as u64).expect("memory")).expect("memory"),
            other: Everything::channel().expect("memory").0,
        }
    }

    fn send(self, client: everything::Client<everything::Idle>) -> everything::Client<everything::Asked> {
        client.numbers([7; 16]).bytes(self.bytes).blocks(self.blocks).lead(self.other)
    }
}

/// Receives all that [`Load::send`] sent, and answers with the block that came.
fn answer(received: everything::ServerIdle) -> Result<everything::Server<everything::Idle>, Closed> {
    let everything::ServerIdle::Numbers { numbers, next } = received;
    assert_eq!(numbers, [7; 16]);
    let everything::ServerFilled::Bytes { bytes, next } = next.receive()?;
    assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == index as u8));
    let everything::ServerBoxed::Blocks { blocks, next } = next.receive()?;
    assert!(blocks.iter().enumerate().all(|(index, block)| **block == index as u64));
    let everything::ServerNested::Lead { other, next } = next.receive()?;
    drop((blocks, other));
    Ok(next.answer(bytes))
}

#[test]
fn sends_need_no_allocator_whatever_they_carry() {
    for size in [0, 1, 4096, 1 << 20] {
        let (client, server) = Everything::channel().expect("memory");
        let load = Load::new(size);
        let address = load.bytes.address();
        let copied = bytes_copied();
        let client = without_allocator(|| load.send(client));
        let server = answer(server.receive().expect("sent")).expect("sent");
        let everything::ClientAsked::Answer { bytes, .. } = client.receive().expect("answered");
        assert_eq!((bytes.address(), bytes.len()), (address, size));
        assert_eq!(bytes_copied(), copied);
        drop(server);
    }
}

#[test]
fn sends_to_a_peer_that_waits_alone_or_in_a_set_need_no_allocator() {
    for in_a_set in [false, true] {
        let (mut client, server) = Everything::channel().expect("memory");
        let peer = thread::spawn(move || {
            let mut set = EndpointSet::new().expect("memory");
            let mut served = 0;
            if in_a_set {
                set.insert(server, ());
                while let Ok(received) = set.receive().received {
                    set.insert(answer(received).expect("sent"), ());
                    served += 1;
                }
            } else {
                let mut server = server;
                while let Ok(received) = server.receive() {
                    server = answer(received).expect("sent");
                    served += 1;
                }
            }
            served
        });
        for _ in 0..1000 {
            let load = Load::new(64);
            let asked = without_allocator(|| load.send(client));
            let everything::ClientAsked::Answer { next, .. } = asked.receive().expect("answered");
            client = next;
        }
        drop(client);
        assert_eq!(peer.join().expect("the peer serves"), 1000);
    }
}

#[test]
fn sends_to_a_peer_that_is_gone_allocate_nothing_and_give_up_what_they_carry() {
    let (client, server) = Everything::channel().expect("memory");
    drop(server);
    let (other, other_server) = Everything::channel().expect("memory");
    let load = Load { other, ..Load::new(4096) };
    let client = armed(Armed::AgainstAllocation, || load.send(client));
    assert!(
        matches!(other_server.receive(), Err(Closed)),
        "an endpoint is closed, whose peer may wait for it"
    );
    assert!(matches!(client.receive(), Err(Closed)));
}

#[test]
fn a_stream_of_blocks_to_a_peer_that_is_gone_ends_when_its_window_is_full() {
    let (client, server) = Parcels::channel().expect("memory");
    drop(server);
    let mut client = client;
    for sent in 0.. {
        client = match client.parcel(ExBox::new(7).expect("memory")) {
            Ok(client) => client,
            Err(_) => return assert_eq!(sent, 4, "as many as the window holds were sent"),
        };
    }
}

#[test]
fn what_a_peer_has_not_received_when_it_closes_is_given_up_at_once() {
    let (client, server) = Everything::channel().expect("memory");
    let (other, other_server) = Everything::channel().expect("memory");
    let client = Load { other, ..Load::new(4096) }.send(client);
    drop(server);
    assert!(matches!(other_server.receive(), Err(Closed)));
    assert!(matches!(client.receive(), Err(Closed)));
}

#[test]
fn sends_succeed_with_the_exchange_heap_exhausted() {
    let (client, server) = Everything::channel().expect("memory");
    let load = Load::new(1 << 20);
    pretend_exhausted(Exhaustion::On);
    assert!(matches!(ExBox::new(0u8), Err(Exhausted)));
    assert!(matches!(Everything::channel(), Err(Exhausted)));
    let client = load.send(client);
    let server = answer(server.receive().expect("sent")).expect("sent");
    let everything::ClientAsked::Answer { bytes, .. } = client.receive().expect("answered");
    assert_eq!(bytes.len(), 1 << 20);
    pretend_exhausted(Exhaustion::Off);
    drop(server);
}

const CHILD: &str = "CONTRACTS_TEST_ALLOCATE_WHILE_ARMED";

#[test]
fn the_armed_allocator_notices_an_allocation() {
    if std::env::var_os(CHILD).is_some() {
        without_allocator(|| drop(std::hint::black_box(Box::new(1))));
        return;
    }
    let child = Command::new(std::env::current_exe().expect("the test's own path"))
        .args(["--nocapture", "--exact", "the_armed_allocator_notices_an_allocation"])
        .env(CHILD, "1")
        .output()
        .expect("the test runs itself");
    assert!(!child.status.success());
    assert!(String::from_utf8_lossy(&child.stderr).contains("called while it was armed"));
}
