//! Each stock contract in a conversation with a small server written from its documentation, errors included.

mod block_device;
mod file;
mod log;
mod pipe;
mod socket;
mod store;
mod supervisor;
mod timer;

use contracts::{Contract, ExBox};

/// The two ends of a new channel.
fn pair<C: Contract>() -> (C::Client, C::Server) {
    C::channel().expect("memory for a channel")
}

/// A block with these bytes.
fn block(bytes: &[u8]) -> ExBox<[u8]> {
    ExBox::copy_of(bytes).expect("memory for a block")
}

/// A block of zeros to be filled.
fn room(length: usize) -> ExBox<[u8]> {
    ExBox::zeroed(length).expect("memory for a block")
}
