//! A block goes down a line of processes and back. Each notes where it sees the block and what is in it.

use contracts::abi::{Owner, OwnerKind};
use contracts::spec::probe::probe;
use contracts::{Closed, Contract, ExBox, Exchange};

/// ```text
/// Idle --?Pass--> Passing --!Passed--> Idle
/// ```
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Conveyor {
    /// A block on its way.
    #[client(Idle => Passing)]
    Pass {
        /// The block.
        block: ExBox<[u8]>,
        /// What the relay does with it.
        handling: Handling,
    },
    /// The block on its way back.
    #[server(Passing => Idle)]
    Passed {
        /// The block.
        block: ExBox<[u8]>,
        /// What the stops saw, the nearest first.
        stops: [Stop; 2],
    },
}

/// What the relay does with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Exchange)]
#[repr(u8)]
pub enum Handling {
    /// It passes the block on.
    Move,
    /// It passes a copy on, on purpose.
    Copy,
}

/// What a process saw of a block that it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Exchange)]
#[repr(C)]
pub struct Stop {
    /// The process's number.
    pub sip: u64,
    /// Virtual address of the block's first byte.
    pub address: u64,
    /// Physical address of the block's first byte; `u64::MAX` if it is not mapped.
    pub physical: u64,
    /// Hash of the physical addresses of all the block's pages, in order.
    pub frames: u64,
    /// Hash of its content.
    pub content: u64,
}

const PAGE: usize = 4096;

fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Hash of `bytes`, their order and their number.
pub fn content_hash(bytes: &[u8]) -> u64 {
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = bytes.len() as u64;
    for chunk in &mut chunks {
        hash = mix(hash, chunk.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
    }
    chunks.remainder().iter().fold(hash, |hash, &byte| mix(hash, u64::from(byte)))
}

/// The number of the process that this code runs in.
pub fn own_number() -> u64 {
    match contracts::binding::bare::owner().kind() {
        OwnerKind::Sip(id) => u64::from(id),
        _ => 0,
    }
}

/// The owner tag of the process with this number.
pub fn owner_bits(sip: u64) -> u64 {
    Owner::sip(sip as u32).to_bits()
}

/// Looks at a block.
///
/// # Errors
/// [`Closed`] if the probe is gone.
pub fn look(
    mut probe: probe::Client<probe::Ready>,
    block: &ExBox<[u8]>,
) -> Result<(probe::Client<probe::Ready>, Stop), Closed> {
    let mut stop = Stop {
        sip: own_number(),
        address: block.address() as u64,
        physical: u64::MAX,
        frames: 0,
        content: content_hash(block),
    };
    let end = block.address() + block.len();
    let mut at = block.address();
    while at < end {
        let physical;
        (probe, physical) = match probe.translate(at as u64).receive()? {
            probe::ClientTranslating::Physical { address, next } => (next, address),
            probe::ClientTranslating::Unmapped { next } => (next, u64::MAX),
        };
        if at == block.address() {
            stop.physical = physical;
        }
        stop.frames = mix(stop.frames, physical);
        at = (at / PAGE + 1) * PAGE;
    }
    Ok((probe, stop))
}
