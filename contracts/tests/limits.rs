//! What comes of a gift that would break the receiver's limit.

use contracts::binding::host::{self, Exhaustion};
use contracts::spec::count::{Count, count};
use contracts::{
    Closed, Contract, EndpointSet, ExBox, Exhausted, Instant, ReceiveByError, TryReceiveError, select,
};

/// A counter to which a block is on its way, and the client that sent it.
fn gift() -> (count::Client<count::Counting>, count::Server<count::Idle>) {
    let (client, server) = Count::channel().expect("memory for a channel");
    (client.part(ExBox::copy_of(b"to be").expect("memory"), 5), server)
}

/// Blocks of the calling thread, and in flight to servers.
fn blocks() -> usize {
    host::ledger().len()
}

// One test, because the ledger is the process's.
#[test]
fn a_gift_that_breaks_the_limit_is_left_or_refused_and_what_brings_no_block_still_comes() {
    let before = blocks();

    // The forms that give the endpoint back leave the message where it is, until there is room.
    let (_client, server) = gift();
    host::refuse_blocks(Exhaustion::On);
    let Err(TryReceiveError::OverLimit(server)) = server.try_receive() else { panic!("there is no room") };
    let Err(ReceiveByError::OverLimit(server)) = server.receive_by(Instant::now()) else {
        panic!("there is no room")
    };
    host::refuse_blocks(Exhaustion::Off);
    let Ok(count::ServerIdle::Part { block, next, .. }) = server.receive() else {
        panic!("there is room now")
    };
    assert_eq!(&*block, b"to be", "the message is as it was");
    drop((block, next));

    // The plain form closes the channel: the block is freed, and the sender learns of it.
    let (client, server) = gift();
    host::refuse_blocks(Exhaustion::On);
    assert!(matches!(server.receive(), Err(Closed)));
    host::refuse_blocks(Exhaustion::Off);
    assert!(matches!(client.receive(), Err(Closed)));
    assert_eq!(blocks(), before);

    // So do sets and selections, for that member alone.
    let ((giver, server), (idle, other)) = (gift(), Count::channel().expect("memory for a channel"));
    let mut set = EndpointSet::new().expect("memory for a set");
    set.insert(server, "gift");
    set.insert(other, "other");
    let finishing = idle.finish();
    host::refuse_blocks(Exhaustion::On);
    let (mut closed, mut served) = (0, 0);
    while let Some(event) = set.try_receive() {
        match event.received {
            Err(Closed) => closed += usize::from(event.data == "gift"),
            Ok(count::ServerIdle::Finish { .. }) => served += usize::from(event.data == "other"),
            Ok(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((closed, served), (1, 1), "what brings no block comes although there is no room");
    drop(finishing);
    assert!(matches!(giver.receive(), Err(Closed)));
    host::refuse_blocks(Exhaustion::Off);

    let (giver, server) = gift();
    host::refuse_blocks(Exhaustion::On);
    assert!(select! { request = server => matches!(request, Err(Closed)) });
    host::refuse_blocks(Exhaustion::Off);
    assert!(matches!(giver.receive(), Err(Closed)));
    assert_eq!(blocks(), before);
}

#[test]
fn what_no_machine_has_memory_for_is_exhausted() {
    for size in [isize::MAX as usize, isize::MAX as usize - 4096, usize::MAX] {
        assert_eq!(ExBox::zeroed(size).map(drop), Err(Exhausted), "{size}");
        assert_eq!(
            ExBox::<[u64]>::from_fn(size, |_| unreachable!("no room")).map(drop),
            Err(Exhausted),
            "{size}"
        );
    }
}
