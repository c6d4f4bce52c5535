//! Arbitrary bytes as messages: whatever is accepted is the one form of a message, and nothing panics or leaks.
//!
//! The input is: which contract, which state, which side sends; the number of blocks, at most three, and for each its length
//! in a byte and its bytes; the rest is the message.
#![no_main]

use contracts::binding::host::{channels, ledger};
use contracts::wire::{self, Handle, Message, Packet};
use contracts::{ExBox, Side, spec};
use libfuzzer_sys::fuzz_target;

/// Calls a generic function for the contract with this number.
macro_rules! with_contract {
    ($number:expr, $function:ident $arguments:tt, $($contract:ty),* $(,)?) => {{
        let functions = [$($function::<$contract>),*];
        functions[usize::from($number) % functions.len()] $arguments
    }};
}

fuzz_target!(|input: &[u8]| {
    let [contract, state, side, blocks, rest @ ..] = input else { return };
    let from = if side & 1 == 0 { Side::Client } else { Side::Server };
    with_contract!(
        *contract,
        decode(u16::from(*state), from, blocks % 4, rest),
        spec::archive::Archive,
        spec::archive::BootImage,
        spec::block_device::BlockDevice,
        spec::console::Console,
        spec::count::Count,
        spec::digest::Digest,
        spec::directory::Directory,
        spec::directory::Broker,
        spec::file::FileSystem,
        spec::file::File,
        spec::log::Log,
        spec::log::LogReader,
        spec::ping::PingPong,
        spec::ping::Pinger,
        spec::pipe::Pipe,
        spec::pipe::PipeWriter,
        spec::pipe::PipeReader,
        spec::probe::Probe,
        spec::serial::SerialInput,
        spec::serial::SerialOutput,
        spec::socket::Network,
        spec::socket::Listener,
        spec::socket::Outgoing,
        spec::socket::Incoming,
        spec::store::Store,
        spec::store::Cursor,
        spec::supervisor::Supervisor,
        spec::supervisor::Life,
        spec::system::System,
        spec::system::Ending,
        spec::timer::Timer,
        spec::timer::Alarm,
    );
});

fn decode<C: Message>(state: u16, from: Side, blocks: u8, mut rest: &[u8]) {
    let state = state % C::DESCRIPTION.states.len() as u16;
    let before = (ledger().len(), channels());
    let mut handles = Vec::new();
    for _ in 0..blocks {
        let Some((length, after)) = rest.split_first() else { break };
        let (bytes, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        handles.extend(block(bytes));
    }
    let packet = Packet { bytes: rest.to_vec(), handles };
    if let Ok((message, _)) = wire::decode::<C>(from, state, packet) {
        assert_eq!(wire::encode(message).expect("memory").bytes, rest);
    }
    assert_eq!((ledger().len(), channels()), before);
}

/// A block with these bytes.
fn block(bytes: &[u8]) -> Option<Handle> {
    let buffer = ExBox::copy_of(bytes).expect("memory");
    wire::encode(spec::serial::SerialInput::Read { buffer }).expect("memory").handles.pop()
}
