extern crate std;

use std::sync::{Arc, Mutex};
use std::vec::Vec;

use contracts::spec::directory::broker::{self, ServerReady as BrokerReady};
use contracts::spec::directory::directory::{self, ClientListing, ClientLookingUp};
use contracts::spec::directory::{Broker, ConnectError, Directory, ServiceInfo};
use contracts::spec::ping::PingPong;
use contracts::spec::ping::ping_pong::{self, ClientWaiting, ServerIdle};
use contracts::{AnyEndpoint, Contract, Name};

use super::*;

type Services = Arc<Mutex<Vec<ServiceInfo>>>;

fn service(id: u64, name: &str) -> ServiceInfo {
    ServiceInfo {
        id,
        fingerprint: PingPong::FINGERPRINT,
        sip: 1,
        name: Name::new(name).expect("short"),
        contract: Name::new("PingPong").expect("short"),
    }
}

/// Plays the kernel: what is in `services` can be connected, and adds the service's number to the ping.
fn kernel(mut server: broker::Server<broker::Ready>, services: &Services) {
    while let Ok(request) = server.receive() {
        server = match request {
            BrokerReady::Connect { service, fingerprint, next, .. } => {
                let known = services.lock().expect("no panic").iter().any(|known| known.id == service);
                if !known {
                    next.refused(ConnectError::Gone)
                } else if fingerprint != PingPong::FINGERPRINT {
                    next.refused(ConnectError::Mismatch)
                } else {
                    let (client, provider) = PingPong::channel().expect("memory");
                    std::thread::spawn(move || {
                        if let Ok(ServerIdle::Ping { value, next }) = provider.receive() {
                            drop(next.pong(value + service));
                        }
                    });
                    next.connected(AnyEndpoint::new(client))
                }
            }
            BrokerReady::Services { next } => {
                let list = services.lock().expect("no panic").clone();
                next.known(ExBox::copy_of(&list).expect("memory"))
            }
        }
    }
}

fn serving(services: &Services) -> directory::Client<Ready> {
    let (client, server) = Directory::channel().expect("memory");
    let (broker, kernels) = Broker::channel().expect("memory");
    let services = Arc::clone(services);
    std::thread::spawn(move || kernel(kernels, &services));
    std::thread::spawn(move || {
        let mut clients = EndpointSet::new().expect("memory");
        clients.insert(server, ());
        serve(clients, Names::new(broker))
    });
    client
}

fn look_up(client: directory::Client<Ready>, name: &str, fingerprint: u64) -> ClientLookingUp {
    client.lookup(Name::new(name).expect("short"), fingerprint).receive().expect("served")
}

fn ping(endpoint: AnyEndpoint) -> u64 {
    let client: ping_pong::Client<ping_pong::Idle> = endpoint.downcast().expect("a PingPong client");
    let ClientWaiting::Pong { value, .. } = client.ping(0).receive().expect("served");
    value
}

#[test]
fn a_name_leads_to_its_service_also_after_the_provider_was_replaced() {
    let services: Services = Arc::new(Mutex::new(Vec::from([service(7, "pong"), service(8, "other")])));
    let client = serving(&services);
    let ClientLookingUp::Found { endpoint, next } = look_up(client, "pong", PingPong::FINGERPRINT) else {
        panic!("the service runs")
    };
    assert_eq!(ping(endpoint), 7);
    services.lock().expect("no panic")[0].id = 9;
    let ClientLookingUp::Found { endpoint, .. } = look_up(next, "pong", PingPong::FINGERPRINT) else {
        panic!("the new provider runs")
    };
    assert_eq!(ping(endpoint), 9);
}

#[test]
fn unknown_names_and_other_contracts_are_told_apart() {
    let client = serving(&Arc::new(Mutex::new(Vec::from([service(7, "pong")]))));
    let ClientLookingUp::Unknown { next } = look_up(client, "nobody", PingPong::FINGERPRINT) else {
        panic!("nobody has that name")
    };
    let answer = look_up(next, "pong", 1);
    assert!(matches!(answer, ClientLookingUp::Refused { error: ConnectError::Mismatch, .. }));
}

#[test]
fn the_list_is_sorted_and_names_each_service_once() {
    let client =
        serving(&Arc::new(Mutex::new(Vec::from([service(1, "b"), service(2, "a"), service(3, "b")]))));
    let ClientListing::Names { services, .. } = client.list().receive().expect("served");
    let names: Vec<_> = services.iter().map(|service| (service.name.as_str(), service.id)).collect();
    assert_eq!(names, [("a", 2), ("b", 1)]);
}
