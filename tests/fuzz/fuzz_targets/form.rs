//! Arbitrary bytes in native layout: they are adopted exactly if they are a value, whatever is adopted can be read, and
//! nothing panics or leaks.
//!
//! The input is: which message of the zoo; the number of things beside it, at most seven, and for each 255 for an
//! endpoint, or the length of a block in a byte and its bytes; the rest, filled up with zeros, is the body.
#![no_main]

#[path = "../../../contracts/tests/form/oracle.rs"]
mod oracle;
#[path = "../../../contracts/tests/form/zoo.rs"]
mod zoo;

use contracts::binding::host::{channels, ledger};
use contracts::spec::ping::PingPong;
use contracts::spec::serial::SerialInput;
use contracts::testing::Native;
use contracts::wire::{self, Handle};
use contracts::{AnyEndpoint, Contract, ExBox};
use libfuzzer_sys::fuzz_target;

use oracle::{Beside, Look};
use zoo::{MESSAGES, Zoo};

/// The message with a block of values without bytes.
const BLOCKS: u16 = 6;

fuzz_target!(|input: &[u8]| {
    let [message, beside, rest @ ..] = input else { return };
    let before = (ledger().len(), channels());
    adopt(u16::from(*message) % MESSAGES, beside % 8, rest);
    assert_eq!((ledger().len(), channels()), before);
});

fn adopt(number: u16, beside: u8, mut rest: &[u8]) {
    let mut handles = Vec::new();
    for _ in 0..beside {
        let Some((length, after)) = rest.split_first() else { break };
        rest = after;
        if *length == u8::MAX {
            let (client, _) = PingPong::channel().expect("memory");
            handles.push(Handle::Endpoint(AnyEndpoint::new(client)));
            continue;
        }
        let (bytes, after) = rest.split_at(rest.len().min(usize::from(*length)));
        rest = after;
        handles.extend(block(bytes));
    }
    let size = Zoo::DESCRIPTION.messages[usize::from(number)].body_size as usize;
    let mut bytes = rest.to_vec();
    bytes.resize(size, 0);
    let (valid, _) = Look::at(number, &bytes, handles.iter().map(Beside::from).collect());
    match (Native { number, bytes, handles }).adopt::<Zoo>() {
        Ok(zoo) => {
            assert!(valid);
            // A value without bytes may be there more often than anybody would count to.
            if number != BLOCKS {
                wire::encode(zoo).expect("a value can be written");
            }
        }
        Err(_) => assert!(!valid),
    }
}

/// A block with these bytes.
fn block(bytes: &[u8]) -> Option<Handle> {
    let buffer = ExBox::copy_of(bytes).expect("memory");
    wire::encode(SerialInput::Read { buffer }).expect("memory").handles.pop()
}
