//! Has much memory, and stays until it is killed.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use contracts::time::sleep_until;
use contracts::{ExBox, Exhausted, Instant};

rt::manifest! {
    main: main,
    priority: 2,
}

/// Blocks that it has.
const BLOCKS: usize = 400;
/// Bytes of each.
const BLOCK_BYTES: usize = 20_000;

fn main(_: Grants) -> Result<(), Exhausted> {
    let blocks = (0..BLOCKS).map(|_| ExBox::<[u8]>::zeroed(BLOCK_BYTES)).collect::<Result<Vec<_>, _>>()?;
    sleep_until(Instant::from_nanos(u64::MAX));
    drop(blocks);
    Ok(())
}
