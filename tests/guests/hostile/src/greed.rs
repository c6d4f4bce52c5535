//! Wants all there is, and what was its own.

use alloc::vec::Vec;
use core::hint::black_box;

use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::{Idle, Server};
use contracts::{Contract, EndpointSet, ExBox};

use crate::RETURN;

/// The address of a block that it has freed.
pub(crate) fn freed_block() -> u64 {
    block(5000)
}

/// The address behind a block's pages.
pub(crate) fn behind_block() -> u64 {
    let block = ExBox::<[u8]>::zeroed(5000).expect("memory");
    let address = block.address() as u64 + 8192;
    core::mem::forget(block);
    address
}

/// The address of a block that is full of instructions.
pub(crate) fn block_of_code() -> u64 {
    let block = ExBox::from_fn(64, |_| RETURN).expect("memory");
    let address = block.address() as u64;
    core::mem::forget(block);
    address
}

fn block(size: usize) -> u64 {
    let block = ExBox::<[u8]>::zeroed(size).expect("memory");
    block.address() as u64
}

/// As many as it gets of something; at least one.
fn hoard<T>(mut next: impl FnMut() -> Option<T>) {
    let hoard: Vec<T> = core::iter::from_fn(&mut next).collect();
    assert!(!hoard.is_empty() && next().is_none(), "there is an end to it");
    rt::log!("fact hoard items={}", hoard.len());
}

/// All blocks that it gets, the smallest last.
pub(crate) fn blocks() {
    for size in [1 << 20, 4096, 1] {
        let mut block = || ExBox::<[u8]>::zeroed(size).ok();
        core::mem::forget(core::iter::from_fn(&mut block).collect::<Vec<_>>());
    }
    assert!(ExBox::<[u8]>::zeroed(1).is_err(), "there is an end to it");
}

/// All channels.
pub(crate) fn channels() {
    hoard(|| PingPong::channel().ok());
}

/// All sets.
pub(crate) fn sets() {
    let sets =
        core::iter::from_fn(|| EndpointSet::<Server<Idle>>::new().ok().map(core::mem::forget)).take(10_000);
    rt::log!("fact hoard items={}", sets.count());
}

/// All memory of its own.
pub(crate) fn heaps() {
    hoard(|| {
        let mut memory = Vec::<u8>::new();
        memory.try_reserve_exact(10_000).ok().map(|()| black_box(memory))
    });
}

/// All threads, none of which ends.
pub(crate) fn threads() {
    hoard(|| rt::thread::spawn(crate::sleep).ok());
}

/// Has more to say than anybody can read.
pub(crate) fn chatter() {
    for line in 0..20_000 {
        rt::log!("line {line} of nothing but words");
    }
}
