use std::collections::VecDeque;
use std::thread;

use contracts::spec::pipe::pipe::{ClientMaking, Server as PipeServer, ServerReady};
use contracts::spec::pipe::pipe_reader::{ClientReading, Server as ReaderServer, ServerOpen as OnReader};
use contracts::spec::pipe::pipe_writer::{ClientWriting, Server as WriterServer, ServerOpen as OnWriter};
use contracts::spec::pipe::{Pipe, PipeReader, PipeWriter, pipe, pipe_reader, pipe_writer};
use contracts::{Closed, Either, EndpointSet, ExBox, TryReceiveError};

use crate::{block, pair, room};

type Writer = pipe_writer::Client<pipe_writer::Open>;
type Reader = pipe_reader::Client<pipe_reader::Open>;
type Ends = Either<WriterServer<pipe_writer::Open>, ReaderServer<pipe_reader::Open>>;

/// One pipe: bytes, and whoever waits for them or for room.
#[derive(Default)]
struct Bytes {
    held: VecDeque<u8>,
    most: usize,
    capacity: usize,
    writing: Option<(ExBox<[u8]>, WriterServer<pipe_writer::Writing>)>,
    reading: Option<(ExBox<[u8]>, ReaderServer<pipe_reader::Reading>)>,
    finished: bool,
    stopped: bool,
}

impl Bytes {
    /// Answers whoever can be answered; each goes back to where the next request is waited for.
    fn settle(&mut self, mut back: impl FnMut(Ends)) {
        if let Some((mut buffer, reader)) = self.reading.take() {
            if !self.held.is_empty() || buffer.is_empty() {
                let length = buffer.len().min(self.held.len());
                self.held.drain(..length).zip(buffer.iter_mut()).for_each(|(byte, place)| *place = byte);
                back(Either::That(reader.data(buffer, length as u64)));
            } else if self.finished {
                reader.finished(buffer);
            } else {
                self.reading = Some((buffer, reader));
            }
        }
        if let Some((block, writer)) = self.writing.take() {
            if self.stopped {
                writer.broken(block);
            } else if self.held.len() < self.capacity {
                back(Either::This(writer.taken(block)));
            } else {
                self.writing = Some((block, writer));
            }
        }
    }
}

/// Whose end a member is.
#[derive(Clone, Copy)]
enum Role {
    Maker,
    Writer(usize),
    Reader(usize),
}

/// Serves pipes until nobody is left; returns the most bytes that one of them held.
fn serve(maker: PipeServer<pipe::Ready>) -> usize {
    let mut pipes: Vec<Bytes> = Vec::new();
    let mut clients = EndpointSet::<Either<PipeServer<pipe::Ready>, Ends>, Role>::new().expect("memory");
    clients.insert(Either::This(maker), Role::Maker);
    while !clients.is_empty() {
        let event = clients.receive();
        let number = match event.data {
            Role::Maker => usize::MAX,
            Role::Writer(number) | Role::Reader(number) => number,
        };
        match (event.received, event.data) {
            (Ok(Either::This(ServerReady::Make { capacity, next })), _) => {
                let next = if capacity > 1 << 20 {
                    next.refused()
                } else {
                    let (number, capacity) = (pipes.len(), capacity.max(1) as usize);
                    pipes.push(Bytes { capacity, ..Bytes::default() });
                    let (writer, write) = pair::<PipeWriter>();
                    let (reader, read) = pair::<PipeReader>();
                    clients.insert(Either::That(Either::This(write)), Role::Writer(number));
                    clients.insert(Either::That(Either::That(read)), Role::Reader(number));
                    next.made(writer, reader)
                };
                clients.insert(Either::This(next), Role::Maker);
            }
            (Ok(Either::That(Either::This(OnWriter::Write { block, length, next }))), _) => {
                let length = block.len().min(length as usize);
                pipes[number].held.extend(&block[..length]);
                pipes[number].most = pipes[number].most.max(pipes[number].held.len());
                pipes[number].writing = Some((block, next));
            }
            (Ok(Either::That(Either::That(OnReader::Read { buffer, next }))), _) => {
                pipes[number].reading = Some((buffer, next));
            }
            (Ok(Either::That(Either::This(OnWriter::Finish))), _) | (Err(Closed), Role::Writer(_)) => {
                pipes[number].finished = true;
            }
            (Ok(Either::That(Either::That(OnReader::Stop))), _) | (Err(Closed), Role::Reader(_)) => {
                pipes[number].stopped = true;
            }
            (Err(Closed), Role::Maker) => {}
        }
        if let Some(pipe) = pipes.get_mut(number) {
            pipe.settle(|end| match end {
                Either::This(_) => clients.insert(Either::That(end), Role::Writer(number)),
                Either::That(_) => clients.insert(Either::That(end), Role::Reader(number)),
            });
        }
    }
    pipes.iter().map(|pipe| pipe.most).max().unwrap_or(0)
}

fn make(capacity: u64) -> (Writer, Reader, thread::JoinHandle<usize>) {
    let (client, server) = pair::<Pipe>();
    let served = thread::spawn(move || serve(server));
    let Ok(ClientMaking::Made { writer, reader, .. }) = client.make(capacity).receive() else {
        panic!("there is memory")
    };
    (writer, reader, served)
}

#[test]
fn bytes_come_out_of_a_pipe_in_order_and_it_never_holds_more_than_its_capacity_and_a_block() {
    const BLOCK: usize = 1000;
    let (mut writer, mut reader, served) = make(4096);
    let written = thread::spawn(move || {
        let mut part = room(BLOCK);
        for round in 0..200_usize {
            part.iter_mut().enumerate().for_each(|(i, byte)| *byte = ((round * BLOCK + i) % 251) as u8);
            let Ok(ClientWriting::Taken { block, next }) = writer.write(part, BLOCK as u64).receive() else {
                panic!("the reader reads on")
            };
            (part, writer) = (block, next);
        }
        writer.finish();
    });
    let mut count = 0_usize;
    let mut buffer = room(777);
    while let ClientReading::Data { buffer: filled, length, next } =
        reader.read(buffer).receive().expect("the pipe lives")
    {
        for byte in &filled[..length as usize] {
            assert_eq!(usize::from(*byte), count % 251);
            count += 1;
        }
        (buffer, reader) = (filled, next);
    }
    written.join().expect("no panic");
    assert_eq!(count, 200 * BLOCK);
    let most = served.join().expect("no panic");
    assert!(most <= 4096 + BLOCK, "the pipe held {most} bytes");
}

#[test]
fn a_writer_waits_while_the_pipe_is_full_and_goes_on_when_somebody_reads() {
    let (writer, reader, _) = make(10);
    let Ok(ClientWriting::Taken { block: part, next }) = writer.write(block(&[7; 6]), 6).receive() else {
        panic!("there is room for more")
    };
    let waiting = next.write(part, 6);
    // A reader that is answered shows that the pipe has seen the write.
    let Ok(ClientReading::Data { length: 0, next: reader, .. }) = reader.read(room(0)).receive() else {
        panic!("an empty buffer is filled at once")
    };
    let Err(TryReceiveError::Empty(waiting)) = waiting.try_receive() else { panic!("the pipe is full") };
    let Ok(ClientReading::Data { length: 8, next: _reader, .. }) = reader.read(room(8)).receive() else {
        panic!("twelve bytes are there")
    };
    assert!(matches!(waiting.receive(), Ok(ClientWriting::Taken { .. })));
}

#[test]
fn a_pipe_whose_reader_stops_or_vanishes_is_broken_and_gives_the_block_back() {
    for stops in [true, false] {
        let (writer, reader, served) = make(1);
        if stops {
            reader.stop()
        } else {
            drop(reader)
        }
        let mut writer = writer;
        let back = loop {
            match writer.write(block(b"unread"), 6).receive().expect("the pipe lives") {
                ClientWriting::Taken { next, .. } => writer = next,
                ClientWriting::Broken { block } => break block,
            }
        };
        assert_eq!(&back[..], b"unread");
        served.join().expect("no panic");
    }
}

#[test]
fn a_reader_that_waits_learns_that_the_writer_is_gone() {
    let (writer, reader, _) = make(100);
    let Ok(ClientWriting::Taken { next: writer, .. }) = writer.write(block(b"last"), 100).receive() else {
        panic!("there is room")
    };
    let Ok(ClientReading::Data { length: 4, next: reader, .. }) = reader.read(room(9)).receive() else {
        panic!("more than the block holds is not written")
    };
    let waiting = reader.read(room(9));
    drop(writer);
    assert!(matches!(waiting.receive(), Ok(ClientReading::Finished { buffer }) if buffer.len() == 9));
}

#[test]
fn a_pipe_of_a_size_that_nobody_has_is_refused() {
    let (client, server) = pair::<Pipe>();
    thread::spawn(move || serve(server));
    assert!(matches!(client.make(u64::MAX).receive(), Ok(ClientMaking::Refused { .. })));
}
