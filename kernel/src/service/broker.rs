//! Connecting clients to providers, for the directory.

use alloc::vec::Vec;

use contracts::port::RawEnd;
use contracts::spec::directory::{Broker, ConnectError, ServiceInfo, broker};
use contracts::{AnyEndpoint, ExBox, Name, Service, Side};

use super::own::Never;
use super::registry;
use crate::{account, memory, sip};

/// Serves the broker.
pub(super) fn serve(service: Service<Broker>) -> Never {
    let mut clients = service.clients::<()>();
    loop {
        let client = match clients.receive().received {
            Ok(broker::ServerReady::Connect { service, fingerprint, client, next }) => {
                match connect(service, fingerprint, client) {
                    Ok(endpoint) => next.connected(endpoint),
                    Err(error) => next.refused(error),
                }
            }
            Ok(broker::ServerReady::Services { next }) => match services() {
                Some(list) => next.known(list),
                // No memory for the answer: the client sees the channel close.
                None => continue,
            },
            Err(contracts::Closed) => continue,
        };
        clients.insert(client, ());
    }
}

/// A channel that counts against SIP `client`, for which the directory asks. Until that receives its end, it is ours.
fn connect(service: u64, fingerprint: u64, client: u32) -> Result<AnyEndpoint, ConnectError> {
    memory::admit().map_err(|memory::Exhausted| ConnectError::Exhausted)?;
    let payer = sip::account_of(client).ok_or(ConnectError::OverLimit)?;
    let name = registry::name_of(service).ok_or(ConnectError::Gone)?;
    if !sip::may_use(client, &name) {
        return Err(ConnectError::NotGranted);
    }
    let (channel, start) = registry::connect_by_id(service, fingerprint, &account::KERNEL, payer).map_err(
        |error| match error {
            registry::ConnectError::Unknown => ConnectError::Gone,
            registry::ConnectError::Mismatch(_) => ConnectError::Mismatch,
            registry::ConnectError::OverLimit => ConnectError::OverLimit,
            registry::ConnectError::OutOfMemory => ConnectError::Exhausted,
        },
    )?;
    // SAFETY: the end is fresh and ours, in its contract's start state, in which the client sends: services are
    // provided by servers that receive first.
    Ok(unsafe { AnyEndpoint::from_raw(RawEnd::new(channel.end(Side::Client)), Side::Client, start) })
}

fn services() -> Option<ExBox<[ServiceInfo]>> {
    memory::admit().ok()?;
    let mut list = Vec::new();
    // The kernel's own services are granted by manifest only: whoever may look up names is not to get at them.
    registry::survey(|view| {
        if view.sip == 0 {
            return;
        }
        list.push(ServiceInfo {
            id: view.id,
            fingerprint: view.fingerprint,
            sip: view.sip,
            name: Name::truncated(view.name),
            contract: Name::truncated(view.contract),
        });
    });
    ExBox::from_fn(list.len(), |index| list[index]).ok()
}
