//! The smallest service: what comes goes back.
#![no_std]
#![forbid(unsafe_code)]

use contracts::spec::ping::ping_pong::{Idle, Server, ServerIdle};
use contracts::{Closed, EndpointSet};

/// Serves `clients` for ever.
pub fn serve(mut clients: EndpointSet<Server<Idle>>) -> ! {
    loop {
        match clients.receive().received {
            Ok(ServerIdle::Ping { value, next }) => clients.insert(next.pong(value), ()),
            Err(Closed) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use contracts::Contract;
    use contracts::spec::ping::PingPong;
    use contracts::spec::ping::ping_pong::ClientWaiting;
    use contracts::testing::Walk;

    #[test]
    fn every_client_gets_its_own_number_back() {
        let (mut clients, servers): (std::vec::Vec<_>, std::vec::Vec<_>) =
            (0..3).map(|_| PingPong::channel().expect("memory")).unzip();
        std::thread::spawn(|| {
            let mut set = EndpointSet::new().expect("memory");
            servers.into_iter().for_each(|server| set.insert(server, ()));
            serve(set)
        });
        for number in 0..100 {
            let client = clients.remove(0);
            let ClientWaiting::Pong { value, next } = client.ping(number).receive().expect("served");
            assert_eq!(value, number);
            clients.push(next);
        }
    }
    #[test]
    fn a_client_that_does_whatever_the_contract_allows_gets_its_numbers_back() {
        let same_value = || {
            let mut asked = 0;
            move |_, message: &PingPong| match message {
                PingPong::Ping { value } => asked = *value,
                PingPong::Pong { value } => assert_eq!(*value, asked),
            }
        };
        Walk::new().checked_by(same_value).server(|server| {
            let mut set = EndpointSet::new().expect("memory");
            set.insert(server, ());
            serve(set)
        });
    }
}
