//! Answers numbers. 0 makes it panic; 1 is answered by how many it has answered before; 2 by how many bytes of its fresh
//! heap are those that it writes there, which an earlier incarnation may have left.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::ServerIdle;

rt::manifest! {
    main: main,
    provides: { fragile: PingPong },
    restart: on_failure,
    back_off: Duration::from_millis(20),
    back_off_cap: Duration::from_millis(50),
    give_up: 4 in Duration::from_secs(60),
}

/// Bytes of heap that it looks at and then fills.
const BYTES: usize = 100_000;
/// What it fills them with.
const MARK: u8 = 0xa5;

static ANSWERS: AtomicU64 = AtomicU64::new(0);

fn main(grants: Grants) {
    let mut memory = Vec::<u8>::with_capacity(BYTES);
    let found = memory.spare_capacity_mut().iter().filter(|byte| read(byte.as_ptr()) == MARK).count();
    memory.resize(BYTES, MARK);
    let mut clients = grants.fragile.clients::<()>();
    loop {
        let Ok(ServerIdle::Ping { value, next }) = clients.receive().received else { continue };
        let answer = match value {
            0 => panic!("it was asked to, with {} bytes marked", black_box(&memory).len()),
            1 => ANSWERS.load(Relaxed),
            _ => found as u64,
        };
        ANSWERS.fetch_add(1, Relaxed);
        clients.insert(next.pong(answer), ());
    }
}

/// A byte of memory, whatever the compiler knows of it.
fn read(address: *const u8) -> u8 {
    let byte: u32;
    // SAFETY: the address lies in an allocation of this process.
    unsafe { asm!("movzx {0:e}, byte ptr [{1}]", out(reg) byte, in(reg) address, options(nostack)) };
    byte as u8
}
