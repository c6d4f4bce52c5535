//! A block's entry in the ledger is out of reach of safe code: who could write to it could unmap what others own.

#![forbid(unsafe_code)]

use contracts::wire::{self, Handle};
use contracts::{Contract, ExBox};

#[derive(Contract)]
#[contract(start = Idle)]
enum Upper {
    #[client(Idle => End)]
    Text { block: ExBox<[u8]> },
}

fn main() {
    let block = ExBox::zeroed(10_000).expect("memory for a block");
    let packet = wire::encode(Upper::Text { block }).expect("memory for a packet");
    for handle in packet.handles {
        let Handle::Block(block) = handle else { continue };
        block.into_entry();
    }
}
