//! Misfortune to order.

use contracts::Service;
use contracts::sabotage;
use contracts::spec::injector::{Injector, Kept, injector as wire};

use super::own::Never;
use super::registry;
use crate::memory::{famine, heap, stacks};
use crate::{account, channel, exchange, injector, sip};

/// Serves the injector.
pub(super) fn serve(service: Service<Injector>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let client = match clients.receive().received {
            Ok(wire::ServerReady::Strike { sip, after, blow, next }) => {
                match injector::strike(sip, after, blow) {
                    Ok(()) => next.aimed(),
                    Err(sip::NoSuchSip) => next.no_such_process(),
                }
            }
            Ok(wire::ServerReady::Count { next }) => {
                let (instructions, blows) = injector::count();
                next.counted(instructions, blows)
            }
            Ok(wire::ServerReady::Starve { sip, after, famine: how, next }) => {
                famine::begin(sip, after, how);
                next.starved()
            }
            Ok(wire::ServerReady::Feed { next }) => {
                let (asked, refused) = famine::end();
                next.fed(asked, refused)
            }
            Ok(wire::ServerReady::Plant { bug, next }) => {
                sabotage::plant(bug);
                next.planted()
            }
            Ok(wire::ServerReady::Trim { next }) => next.trimmed(trim()),
            Err(contracts::Closed) => continue,
        };
        clients.insert(client, ());
    }
}

/// Ends SIPs at the kernel's points.
pub(super) fn strike_at_points() -> Never {
    loop {
        injector::strike_at_point();
    }
}

/// Gives back what is kept for the next time only.
fn trim() -> Kept {
    account::settle_all();
    let heaps = exchange::trim();
    let (processes, list) = sip::kept();
    Kept {
        heap_frames: heap::frames() as u64,
        table_bytes: (heaps + list + registry::list_bytes() + channel::name_bytes()) as u64,
        slots: (sip::windows() + stacks::count()) as u64,
        processes: processes as u64,
    }
}
