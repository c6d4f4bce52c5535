use std::ops::Range;
use std::thread;

use contracts::Closed;
use contracts::spec::block_device::block_device::{
    Client, ClientDescribing, ClientFlushing, ClientReading, ClientWriting, Ready, Server, ServerReady,
};
use contracts::spec::block_device::{Access, BlockDevice, BlockError};

use crate::{block, pair, room};

const BLOCK: usize = 512;

/// A disk in memory.
struct Disk {
    bytes: Vec<u8>,
    access: Access,
    /// This block's surface is scratched.
    bad: Option<u64>,
    /// A transfer has failed since the last flush.
    lost: bool,
}

impl Disk {
    fn range(&self, first: u64, length: usize) -> Result<Range<usize>, BlockError> {
        if !length.is_multiple_of(BLOCK) {
            return Err(BlockError::Misaligned);
        }
        let last = first.checked_add((length / BLOCK) as u64).ok_or(BlockError::OutOfRange)?;
        if last > (self.bytes.len() / BLOCK) as u64 {
            return Err(BlockError::OutOfRange);
        }
        if self.bad.is_some_and(|bad| (first..last).contains(&bad)) {
            return Err(BlockError::Device);
        }
        let start = first as usize * BLOCK;
        Ok(start..start + length)
    }

    fn writable(&self, first: u64, length: usize) -> Result<Range<usize>, BlockError> {
        match self.access {
            Access::ReadOnly => Err(BlockError::ReadOnly),
            Access::ReadWrite => self.range(first, length),
        }
    }

    fn serve(mut self, mut server: Server<Ready>) -> Result<Vec<u8>, Closed> {
        loop {
            server = match server.receive()? {
                ServerReady::Describe { next } => {
                    next.geometry((self.bytes.len() / BLOCK) as u64, BLOCK as u32, self.access)
                }
                ServerReady::Read { first, mut buffer, next } => match self.range(first, buffer.len()) {
                    Ok(range) => {
                        buffer.copy_from_slice(&self.bytes[range]);
                        next.data(buffer)
                    }
                    Err(error) => next.failed(error, buffer),
                },
                ServerReady::Write { first, buffer, next } => match self.writable(first, buffer.len()) {
                    Ok(range) => {
                        self.bytes[range].copy_from_slice(&buffer);
                        next.written(buffer)
                    }
                    Err(error) => {
                        self.lost |= error == BlockError::Device;
                        next.failed(error, buffer)
                    }
                },
                ServerReady::Flush { next } if self.lost => {
                    self.lost = false;
                    next.lost()
                }
                ServerReady::Flush { next } => next.flushed(),
                ServerReady::Close => return Ok(self.bytes),
            };
        }
    }
}

fn disk(blocks: usize) -> Disk {
    Disk { bytes: vec![0; blocks * BLOCK], access: Access::ReadWrite, bad: None, lost: false }
}

fn start(disk: Disk) -> (Client<Ready>, thread::JoinHandle<Result<Vec<u8>, Closed>>) {
    let (client, server) = pair::<BlockDevice>();
    (client, thread::spawn(move || disk.serve(server)))
}

fn write_fails(client: Client<Ready>, first: u64, length: usize) -> (BlockError, usize, Client<Ready>) {
    match client.write(first, room(length)).receive() {
        Ok(ClientWriting::Failed { error, buffer, next }) => (error, buffer.len(), next),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_written_to_a_disk_is_read_back_in_the_block_that_was_brought() {
    let (client, served) = start(disk(8));
    let Ok(ClientDescribing::Geometry { blocks: 8, block_size, access: Access::ReadWrite, next }) =
        client.describe().receive()
    else {
        panic!("a disk of eight blocks")
    };
    let pattern: Vec<u8> = (0..2 * block_size).map(|i| i as u8).collect();
    let Ok(ClientWriting::Written { next, .. }) = next.write(6, block(&pattern)).receive() else {
        panic!("both blocks are on the disk")
    };
    let Ok(ClientFlushing::Flushed { next }) = next.flush().receive() else { panic!("nothing is lost") };
    let buffer = room(BLOCK);
    let address = buffer.address();
    let Ok(ClientReading::Data { buffer, next }) = next.read(7, buffer).receive() else {
        panic!("the block is on the disk")
    };
    assert_eq!((buffer.address(), &buffer[..]), (address, &pattern[BLOCK..]));
    next.close();
    let bytes = served.join().expect("no panic").expect("closed by a message");
    assert!(bytes[..6 * BLOCK].iter().all(|byte| *byte == 0) && bytes[6 * BLOCK..] == pattern);
}

#[test]
fn a_disk_refuses_what_it_cannot_do_and_gives_the_memory_back() {
    let (client, _) = start(Disk { bad: Some(3), ..disk(8) });
    let (error, length, client) = write_fails(client, 0, 100);
    assert_eq!((error, length), (BlockError::Misaligned, 100));
    let (error, length, client) = write_fails(client, 7, 2 * BLOCK);
    assert_eq!((error, length), (BlockError::OutOfRange, 2 * BLOCK));
    let (error, _, client) = write_fails(client, u64::MAX, 2 * BLOCK);
    assert_eq!(error, BlockError::OutOfRange);
    let Ok(ClientFlushing::Flushed { next: client }) = client.flush().receive() else {
        panic!("what was refused is not lost")
    };
    let (error, _, client) = write_fails(client, 2, 2 * BLOCK);
    assert_eq!(error, BlockError::Device);
    let Ok(ClientFlushing::Lost { next: client }) = client.flush().receive() else {
        panic!("a write has failed")
    };
    let Ok(ClientReading::Failed { error: BlockError::Device, .. }) = client.read(3, room(BLOCK)).receive()
    else {
        panic!("the block is scratched")
    };
}

#[test]
fn a_disk_that_is_read_only_says_so_before_and_after_a_write() {
    let (client, served) = start(Disk { access: Access::ReadOnly, ..disk(1) });
    let Ok(ClientDescribing::Geometry { access: Access::ReadOnly, next, .. }) = client.describe().receive()
    else {
        panic!("it cannot be written")
    };
    let (error, _, client) = write_fails(next, 0, BLOCK);
    assert_eq!(error, BlockError::ReadOnly);
    drop(client);
    assert_eq!(served.join().expect("no panic"), Err(Closed));
}
