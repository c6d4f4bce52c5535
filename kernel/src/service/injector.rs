//! Misfortune to order.

use contracts::Service;
use contracts::sabotage;
use contracts::spec::injector::{Injector, injector as wire};

use super::own::Never;
use crate::injector;
use crate::memory::famine;

/// Serves the injector.
pub(super) fn serve(service: Service<Injector>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let client = match clients.receive().received {
            Ok(wire::ServerReady::Strike { sip, after, blow, next }) => {
                match injector::strike(sip, after, blow) {
                    Ok(()) => next.aimed(),
                    Err(crate::sip::NoSuchSip) => next.no_such_process(),
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
            Err(contracts::Closed) => continue,
        };
        clients.insert(client, ());
    }
}
