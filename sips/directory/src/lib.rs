//! Decides which name means which service, and has the kernel connect to it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::directory::directory::{Ready, Server, ServerReady};
use contracts::{Closed, Endpoint, EndpointSet, ExBox};

mod names;

pub use names::{Answer, Names};

/// Serves `clients` until the kernel's broker is gone.
///
/// # Errors
/// [`Closed`] when the broker is gone: then nobody can be connected any more.
pub fn serve(mut clients: EndpointSet<Server<Ready>>, mut names: Names) -> Result<(), Closed> {
    loop {
        let client = match clients.receive().received {
            Ok(ServerReady::Lookup { name, fingerprint, next }) => {
                let answer;
                (names, answer) = names.connect(&name, fingerprint, next.as_raw().peer_sip())?;
                match answer {
                    Answer::Connected(endpoint) => next.found(endpoint),
                    Answer::Unknown => next.unknown(),
                    Answer::Refused(error) => next.refused(error),
                }
            }
            Ok(ServerReady::List { next }) => {
                let list;
                (names, list) = names.list()?;
                // Without memory for the list the client is dropped, and sees its channel closed.
                let Ok(list) = ExBox::from_fn(list.len(), |index| list[index]) else { continue };
                next.names(list)
            }
            Err(Closed) => continue,
        };
        clients.insert(client, ());
    }
}

#[cfg(test)]
mod tests;
