//! Serves the files of a tar archive.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use contracts::spec::archive::archive::{Open, Ready, Server, ServerOpen, ServerReady};
use contracts::{Closed, Either, EndpointSet, Event, ExBox};

mod files;

pub use files::{File, Files, Trouble};

/// What a client has open, if anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// Where in the archive the next read starts.
    next: usize,
    /// Where the file ends.
    end: usize,
}

/// A client, with a file open or without.
pub type Client = Either<Server<Ready>, Server<Open>>;

/// Serves `clients` for ever.
pub fn serve(mut clients: EndpointSet<Client, Position>, files: &Files) -> ! {
    loop {
        let Event { received, data: position } = clients.receive();
        let (client, position) = match received {
            Ok(Either::This(ServerReady::List { next })) => {
                // Without memory for the list the client is dropped, and sees its channel closed.
                let Ok(list) = ExBox::from_fn(files.list().len(), |index| files.list()[index].info) else {
                    continue;
                };
                (Either::This(next.files(list)), position)
            }
            Ok(Either::This(ServerReady::Open { name, next })) => match files.find(&name) {
                Some(file) => {
                    let position = Position { next: file.range.start, end: file.range.end };
                    (Either::That(next.opened(file.info.size)), position)
                }
                None => (Either::This(next.not_found()), position),
            },
            Ok(Either::That(ServerOpen::Read { mut buffer, next })) => {
                let rest = &files.bytes()[position.next..position.end];
                let length = rest.len().min(buffer.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                let position = Position { next: position.next + length, ..position };
                (Either::That(next.data(buffer, length as u64)), position)
            }
            Ok(Either::That(ServerOpen::Close { next })) => (Either::This(next), Position::default()),
            Err(Closed) => continue,
        };
        clients.insert(client, position);
    }
}

#[cfg(test)]
mod tests;
