//! What a process does that is to end by it, or to be ended.

use core::hint::black_box;

use contracts::Contract;
use contracts::spec::ping::PingPong;

/// Waits for good.
pub fn wait() {
    if let Ok((client, _server)) = PingPong::channel() {
        _ = client.ping(1).receive();
    }
}

/// Computes for good. Under TCG an instruction that lets the processor pause takes a thousand times as long as another.
pub fn spin() -> ! {
    let mut rounds = 0u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}
