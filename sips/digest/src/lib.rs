//! Hashes with SHA-256, for as many clients as ask; each has its own state.
#![no_std]
#![forbid(unsafe_code)]

use contracts::spec::digest::digest::{Idle, Server, ServerIdle};
use contracts::{Closed, EndpointSet, Event};
use sha2::{Digest, Sha256};

/// Serves `clients` for ever.
pub fn serve(mut clients: EndpointSet<Server<Idle>, Sha256>) -> ! {
    loop {
        let Event { received, data: mut hasher } = clients.receive();
        match received {
            Ok(ServerIdle::Part { block, length, next }) => {
                hasher.update(rt::filled(&block, length));
                clients.insert(next.hashed(block), hasher);
            }
            Ok(ServerIdle::Finish { next }) => {
                clients.insert(next.sum(hasher.finalize().into()), Sha256::new());
            }
            Err(Closed) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use contracts::spec::digest;
    use contracts::spec::digest::digest::{ClientFinishing, ClientHashing};
    use contracts::testing::Walk;
    use contracts::{Contract, ExBox};
    use std::format;
    use std::string::String;

    fn in_parts(text: &[u8], size: usize) -> String {
        let (mut client, server) = digest::Digest::channel().expect("memory");
        std::thread::spawn(|| {
            let mut clients = EndpointSet::new().expect("memory");
            clients.insert(server, Sha256::new());
            serve(clients)
        });
        for part in text.chunks(size) {
            let block = ExBox::copy_of(part).expect("memory");
            let ClientHashing::Hashed { next, .. } =
                client.part(block, part.len() as u64).receive().expect("served");
            client = next;
        }
        let ClientFinishing::Sum { sha256, next } = client.finish().receive().expect("served");
        // And from the start again.
        let ClientFinishing::Sum { sha256: empty, .. } = next.finish().receive().expect("served");
        assert_eq!(hex(&empty), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        hex(&sha256)
    }

    fn hex(sum: &[u8; 32]) -> String {
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_sum_is_that_of_the_standard_however_the_data_is_cut() {
        // FIPS 180-4's example of two blocks.
        let text = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        for size in [1, 7, 55, 56, 64] {
            assert_eq!(
                in_parts(text, size),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            );
        }
    }
    #[test]
    fn a_client_that_does_whatever_the_contract_allows_gets_the_sums_of_its_parts() {
        let sums = || {
            let mut text = std::vec::Vec::new();
            move |_, message: &digest::Digest| match message {
                digest::Digest::Part { block, length } => text.extend_from_slice(rt::filled(block, *length)),
                digest::Digest::Hashed { .. } => {}
                digest::Digest::Finish => {}
                digest::Digest::Sum { sha256 } => {
                    assert_eq!(*sha256, <[u8; 32]>::from(Sha256::digest(&text)));
                    text.clear();
                }
            }
        };
        Walk::new().checked_by(sums).server(|server| {
            let mut clients = EndpointSet::new().expect("memory");
            clients.insert(server, Sha256::new());
            serve(clients)
        });
    }
}
