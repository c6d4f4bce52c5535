//! The looking-glass for tests and tools.

use core::sync::atomic::Ordering::Relaxed;

use contracts::spec::probe::{LedgerLine, MemorySums, Probe, probe};
use contracts::{Endpoint, Service};
use x86_64::VirtAddr;

use super::own::Never;
use super::system::block_totals;
use crate::arch::trap::Context;
use crate::memory::{frames, heap};
use crate::{channel, exchange, sip};

/// Serves the probe. It allocates nothing, so that it can be asked when there is no memory left.
pub(super) fn serve(service: Service<Probe>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let client = match clients.receive().received {
            Ok(probe::ServerReady::Translate { address, next }) => {
                let client = next.as_raw().peer_sip();
                match VirtAddr::try_new(address).ok().and_then(|address| sip::translate(client, address)) {
                    Some(physical) => next.physical(physical.as_u64()),
                    None => next.unmapped(),
                }
            }
            Ok(probe::ServerReady::List { mut lines, next }) => {
                let mut count = 0;
                let totals = exchange::survey_entries(|entry| {
                    if let Some(line) = lines.get_mut(count) {
                        *line = LedgerLine {
                            address: entry.address.load(Relaxed) as u64,
                            size: entry.size.load(Relaxed) as u64,
                            owner: entry.tracked.owner.load(Relaxed),
                        };
                    }
                    count += 1;
                });
                next.lines(lines, count as u64, block_totals(totals))
            }
            Ok(probe::ServerReady::Sum { next }) => {
                let memory = MemorySums {
                    free_frames: frames::counts().free as u64,
                    kernel_heap: heap::bytes_in_use() as u64,
                    kernel_heap_mapped: heap::bytes_mapped() as u64,
                    faults: sip::fault_bytes() as u64,
                    channels: channel::count() as u64,
                    channel_memory: channel::memory() as u64,
                    registers: size_of::<Context>() as u64,
                };
                next.sums(block_totals(exchange::survey_entries(|_| {})), memory)
            }
            Err(contracts::Closed) => continue,
        };
        clients.insert(client, ());
    }
}
