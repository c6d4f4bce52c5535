//! Which services there are, and how to connect to one.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ptr;

use contracts::Side;
use contracts::abi::{Channel, Set};
use contracts::manifest::{ContractInfo, Difference};
use contracts::sabotage::{Bug, planted};
use spin::Mutex;

use crate::account::Account;
use crate::channel;

struct Service {
    id: u64,
    name: String,
    contract: ContractInfo,
    /// The provider's number; 0 is the kernel.
    sip: u32,
    set: &'static Set,
}

struct Services {
    list: Vec<Service>,
    next: u64,
}

static SERVICES: Mutex<Services> = Mutex::new(Services { list: Vec::new(), next: 1 });

/// A service of that name exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken;

/// Why a client was not connected.
#[derive(Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// There is no such service.
    Unknown,
    /// The service speaks another contract, or another version of it.
    Mismatch(Difference),
    /// The client's limit of channels does not allow another.
    OverLimit,
    /// There is no memory for a channel.
    OutOfMemory,
}

/// Makes SIP `sip`'s set known as a service. The set must live until [`withdraw`] or [`withdraw_set`].
pub fn publish(name: &str, contract: &ContractInfo, sip: u32, set: &'static Set) -> Result<(), Taken> {
    let mut services = SERVICES.lock();
    if services.list.iter().any(|service| service.name == name) {
        return Err(Taken);
    }
    let id = services.next;
    services.next += 1;
    services.list.push(Service { id, name: name.to_string(), contract: contract.clone(), sip, set });
    channel::learn_service_names(contract);
    Ok(())
}

/// Bytes of the list of services.
#[cfg(feature = "campaign")]
pub(crate) fn list_bytes() -> usize {
    SERVICES.lock().list.capacity() * size_of::<Service>()
}

/// Removes all services of a SIP.
pub fn withdraw(sip: u32) {
    if !planted(Bug::LastingService) {
        SERVICES.lock().list.retain(|service| service.sip != sip);
    }
}

/// Removes the service whose clients join this set, if there is one.
pub fn withdraw_set(set: &Set) {
    if !planted(Bug::StaleService) {
        SERVICES.lock().list.retain(|service| !ptr::eq(service.set, set));
    }
}

/// Makes a channel to the service `name` for a client that speaks `contract`; `client` owns its end of it.
pub fn connect(
    name: &str,
    contract: &ContractInfo,
    client: &'static Account,
) -> Result<&'static Channel, ConnectError> {
    let services = SERVICES.lock();
    let service = services.list.iter().find(|service| service.name == name).ok_or(ConnectError::Unknown)?;
    if let Some(difference) = contract.difference(&service.contract) {
        return Err(ConnectError::Mismatch(difference));
    }
    make(service, contract.shape.fingerprint, client, client)
}

/// What the service with this number is called.
#[cfg(feature = "bare")]
pub(super) fn name_of(id: u64) -> Option<String> {
    let services = SERVICES.lock();
    services.list.iter().find(|service| service.id == id).map(|service| service.name.clone())
}

/// As [`connect`], to the SIP's service with this number, for a client whose contract has this fingerprint. `client`
/// owns its end, and the channel counts against `payer`. Also returns the contract's start state. The kernel's own services
/// are not reached this way.
pub fn connect_by_id(
    id: u64,
    fingerprint: u64,
    client: &'static Account,
    payer: &'static Account,
) -> Result<(&'static Channel, u16), ConnectError> {
    let services = SERVICES.lock();
    let found = services.list.iter().find(|service| service.id == id && service.sip != 0);
    let service = found.ok_or(ConnectError::Unknown)?;
    Ok((make(service, fingerprint, client, payer)?, service.contract.shape.start))
}

/// A channel for a client whose contract has this fingerprint: the service's, or one that it extends. Its shape is the
/// client's.
fn make(
    service: &Service,
    fingerprint: u64,
    client: &'static Account,
    payer: &'static Account,
) -> Result<&'static Channel, ConnectError> {
    let shape = service.contract.shape_for(fingerprint).ok_or(ConnectError::Mismatch(Difference::States))?;
    let channel = channel::create(shape, client, payer).map_err(|error| match error {
        channel::CreateError::OverLimit => ConnectError::OverLimit,
        channel::CreateError::OutOfMemory => ConnectError::OutOfMemory,
    })?;
    // SAFETY: the channel is fresh; its contract is the service's, whose provider has not withdrawn, or one that it
    // extends.
    unsafe { channel::place(channel.end(Side::Server), service.set) };
    Ok(channel)
}

/// What [`survey`] tells of a service.
pub struct ServiceView<'a> {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: &'a str,
    /// The contract's name.
    pub contract: &'a str,
    /// The contract's fingerprint.
    pub fingerprint: u64,
    /// The provider's number; 0 is the kernel.
    pub sip: u32,
}

/// Shows every service, oldest first.
pub fn survey(mut each: impl FnMut(ServiceView<'_>)) {
    for service in &SERVICES.lock().list {
        each(ServiceView {
            id: service.id,
            name: &service.name,
            contract: &service.contract.name,
            fingerprint: service.contract.shape.fingerprint,
            sip: service.sip,
        });
    }
}
