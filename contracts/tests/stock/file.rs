use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::thread;

use contracts::spec::file::file::{
    ClientClosing, ClientReading, ClientSeeking, ClientWriting, Server as OpenServer, ServerReady as OnFile,
};
use contracts::spec::file::file_system::{
    ClientOpening, ClientRemoving, Server as SystemServer, ServerReady as OnSystem,
};
use contracts::spec::file::{File, FileError, FileSystem, Mode, Origin, file, file_system};
use contracts::{Closed, Either, EndpointSet, Name};

use crate::{block, pair, room};

type Client = file::Client<file::Ready>;
type System = file_system::Client<file_system::Ready>;

/// Bytes that all files together may have.
const ROOM: usize = 1 << 20;

/// One file, shared by its name and by those who have it open.
type Content = Rc<RefCell<Vec<u8>>>;

struct Open {
    content: Content,
    position: u64,
    mode: Mode,
    lossy: bool,
}

impl Open {
    fn read(&mut self, buffer: &mut [u8]) -> u64 {
        let content = self.content.borrow();
        let start = content.len().min(self.position as usize);
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        self.position += length as u64;
        length as u64
    }

    fn write(&mut self, bytes: &[u8], length: u64) -> Result<(), FileError> {
        let bytes = bytes.get(..length as usize).ok_or(FileError::BadLength)?;
        if self.mode == Mode::Read {
            return Err(FileError::ReadOnly);
        }
        let mut content = self.content.borrow_mut();
        let start = self.position as usize;
        let end = start.checked_add(bytes.len()).filter(|end| *end <= ROOM).ok_or(FileError::Full)?;
        let new_length = content.len().max(end);
        content.resize(new_length, 0);
        content[start..end].copy_from_slice(bytes);
        self.position = end as u64;
        Ok(())
    }

    fn seek(&mut self, from: Origin, offset: i64) -> Option<u64> {
        let origin = match from {
            Origin::Start => 0,
            Origin::Position => self.position,
            Origin::End => self.content.borrow().len() as u64,
        };
        self.position = origin.checked_add_signed(offset)?;
        Some(self.position)
    }
}

type Files = BTreeMap<String, Content>;

fn open(files: &mut Files, name: &str, mode: Mode) -> Result<Content, FileError> {
    match (mode, files.get(name)) {
        (Mode::Create, Some(_)) => Err(FileError::Exists),
        (Mode::Create, None) => Ok(files.entry(name.to_owned()).or_default().clone()),
        (_, None) => Err(FileError::NotFound),
        (_, Some(content)) => Ok(content.clone()),
    }
}

/// Serves a file system and all its open files until nobody is left.
fn serve(system: SystemServer<file_system::Ready>) {
    let mut files = Files::new();
    let mut clients =
        EndpointSet::<Either<SystemServer<file_system::Ready>, OpenServer<file::Ready>>, Option<Open>>::new()
            .expect("memory");
    clients.insert(Either::This(system), None);
    while !clients.is_empty() {
        let event = clients.receive();
        match (event.received, event.data) {
            (Ok(Either::This(request)), _) => {
                let next = match request {
                    OnSystem::Open { name, mode, next } => match open(&mut files, &name, mode) {
                        Ok(content) => {
                            let (file, server) = pair::<File>();
                            let size = content.borrow().len() as u64;
                            let lossy = name.as_str() == "lossy";
                            clients.insert(
                                Either::That(server),
                                Some(Open { content, position: 0, mode, lossy }),
                            );
                            next.opened(file, size)
                        }
                        Err(error) => next.refused(error),
                    },
                    OnSystem::Remove { name, next } => match files.remove(name.as_str()) {
                        Some(_) => next.removed(),
                        None => next.refused(FileError::NotFound),
                    },
                };
                clients.insert(Either::This(next), None);
            }
            (Ok(Either::That(request)), Some(mut open)) => {
                let next = match request {
                    OnFile::Read { mut buffer, next } => {
                        let length = open.read(&mut buffer);
                        next.data(buffer, length)
                    }
                    OnFile::Write { block, length, next } => match open.write(&block, length) {
                        Ok(()) => next.written(block),
                        Err(error) => next.failed(error, block),
                    },
                    OnFile::Seek { from, offset, next } => match open.seek(from, offset) {
                        Some(position) => next.at(position),
                        None => next.out_of_range(),
                    },
                    OnFile::Close { next } => {
                        if open.lossy {
                            next.lost()
                        } else {
                            next.closed()
                        }
                        continue;
                    }
                };
                clients.insert(Either::That(next), Some(open));
            }
            (Ok(Either::That(_)), None) => unreachable!("an open file has its state"),
            (Err(Closed), _) => {}
        }
    }
}

fn start() -> System {
    let (client, server) = pair::<FileSystem>();
    thread::spawn(move || serve(server));
    client
}

fn opened(system: System, name: &str, mode: Mode) -> Result<(Client, u64, System), (FileError, System)> {
    match system.open(Name::new(name).expect("short"), mode).receive().expect("it serves") {
        ClientOpening::Opened { file, size, next } => Ok((file, size, next)),
        ClientOpening::Refused { error, next } => Err((error, next)),
    }
}

fn write(file: Client, bytes: &[u8]) -> Client {
    match file.write(block(bytes), bytes.len() as u64).receive() {
        Ok(ClientWriting::Written { next, .. }) => next,
        other => panic!("{other:?}"),
    }
}

fn read(file: Client, length: usize) -> (Vec<u8>, Client) {
    match file.read(room(length)).receive() {
        Ok(ClientReading::Data { buffer, length, next }) => (buffer[..length as usize].to_vec(), next),
        other => panic!("{other:?}"),
    }
}

fn seek(file: Client, from: Origin, offset: i64) -> (Option<u64>, Client) {
    match file.seek(from, offset).receive().expect("it serves") {
        ClientSeeking::At { position, next } => (Some(position), next),
        ClientSeeking::OutOfRange { next } => (None, next),
    }
}

#[test]
fn a_file_that_was_written_is_read_from_where_one_seeks() {
    let (file, size, system) = opened(start(), "diary", Mode::Create).expect("it is new");
    assert_eq!(size, 0);
    let file = write(write(file, b"one "), b"two ");
    let (end, file) = seek(file, Origin::End, 2);
    assert_eq!(end, Some(10));
    let file = write(file, b"!");
    let (start, file) = seek(file, Origin::Start, 4);
    assert_eq!(start, Some(4));
    let (bytes, file) = read(file, 100);
    assert_eq!(bytes, b"two \0\0!", "the gap is filled with zeros");
    let (bytes, file) = read(file, 100);
    assert!(bytes.is_empty(), "the end of the file");
    let (position, file) = seek(file, Origin::Position, -12);
    assert_eq!(position, None, "there is nothing before the start");
    let (position, file) = seek(file, Origin::Position, -1);
    assert_eq!(position, Some(10), "the seek that failed moved nothing");
    assert!(matches!(file.close().receive(), Ok(ClientClosing::Closed)));
    let (file, size, _system) = opened(system, "diary", Mode::Read).expect("it exists");
    assert_eq!((size, read(file, 3).0), (11, b"one".to_vec()));
}

#[test]
fn a_file_system_says_why_it_refuses() {
    let Err((FileError::NotFound, system)) = opened(start(), "none", Mode::Read) else {
        panic!("it does not exist")
    };
    let Ok(ClientRemoving::Refused { error: FileError::NotFound, next }) =
        system.remove(Name::new("none").expect("short")).receive()
    else {
        panic!("it does not exist")
    };
    let (file, _, system) = opened(next, "some", Mode::Create).expect("it is new");
    let Err((FileError::Exists, system)) = opened(system, "some", Mode::Create) else { panic!("it exists") };
    let Ok(ClientWriting::Failed { error: FileError::BadLength, block: back, next: file }) =
        file.write(block(b"abc"), 4).receive()
    else {
        panic!("the block is shorter")
    };
    assert_eq!(&back[..], b"abc");
    let (_, file) = seek(file, Origin::Start, ROOM as i64);
    assert!(matches!(
        file.write(back, 1).receive(),
        Ok(ClientWriting::Failed { error: FileError::Full, .. })
    ));
    let (file, _, _system) = opened(system, "some", Mode::Read).expect("it exists");
    assert!(matches!(
        file.write(block(b"abc"), 3).receive(),
        Ok(ClientWriting::Failed { error: FileError::ReadOnly, .. })
    ));
}

#[test]
fn a_file_without_a_name_lives_until_it_is_closed() {
    let (file, _, system) = opened(start(), "lossy", Mode::Create).expect("it is new");
    let file = write(file, b"still here");
    let Ok(ClientRemoving::Removed { next }) = system.remove(Name::new("lossy").expect("short")).receive()
    else {
        panic!("it exists")
    };
    assert!(matches!(opened(next, "lossy", Mode::Read), Err((FileError::NotFound, _))));
    let (_, file) = seek(file, Origin::Start, 0);
    let (bytes, file) = read(file, 100);
    assert_eq!(bytes, b"still here");
    assert!(matches!(file.close().receive(), Ok(ClientClosing::Lost)), "a close tells of what was lost");
}
