//! Has the kernel do long work, of the kind that its argument names, or has much memory, and then stays until it is killed.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use contracts::time::sleep_until;
use contracts::{Contract, ExBox, Exhausted, Instant};

rt::manifest! {
    main: main,
    memory: 64 << 20,
    priority: 2,
    blocks: 128 << 20,
}

/// Blocks of whoever has much memory.
const BLOCKS: usize = 400;
/// Bytes of each.
const BLOCK_BYTES: usize = 20_000;
/// Bytes of private heap, of a block and of a channel that are large.
const LARGE: usize = 15 << 20;
const WORDS: usize = LARGE / 8;

/// A channel of almost 16 MiB.
#[derive(Contract)]
#[contract(start = Idle)]
#[allow(dead_code, reason = "nobody speaks it")]
enum Bulk {
    #[client(Idle => End)]
    Bulk { bytes: [u64; WORDS] },
}

fn main(grants: Grants) -> Result<(), Exhausted> {
    let stay = || sleep_until(Instant::from_nanos(u64::MAX));
    match grants.argument {
        "heap" => drop(Vec::<u8>::with_capacity(3 * LARGE)),
        "block" => drop(ExBox::<[u8]>::zeroed(8 * LARGE)?),
        "channel" => drop(Bulk::channel()?),
        _ => {
            let block = |_| ExBox::<[u8]>::zeroed(BLOCK_BYTES);
            let blocks = (0..BLOCKS).map(block).collect::<Result<Vec<_>, _>>()?;
            stay();
            drop(blocks);
        }
    }
    Ok(())
}
