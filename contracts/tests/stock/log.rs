use std::collections::VecDeque;
use std::thread;

use contracts::spec::log::log::{self, ClientWriting, Server as LogServer, ServerOpen};
use contracts::spec::log::log_reader::{
    self, ClientReading, ClientWaiting, Server as ReaderServer, ServerReady,
};
use contracts::spec::log::{Level, Line, Log, LogReader, Record};
use contracts::{Closed, Either, EndpointSet, ExBox, Instant, TryReceiveError};

use crate::pair;

const KEPT: usize = 8;

type Writer = log::Client<log::Open>;
type Reader = log_reader::Client<log_reader::Ready>;

/// Serves a log of the last [`KEPT`] records to writers and readers until nobody is left.
fn serve(ends: Vec<Either<LogServer<log::Open>, ReaderServer<log_reader::Ready>>>) {
    let mut clients = EndpointSet::new().expect("memory");
    ends.into_iter().for_each(|end| clients.insert(end, ()));
    let mut kept: VecDeque<Record> = VecDeque::new();
    let mut written = 0;
    let mut waiting: Vec<(u64, ReaderServer<log_reader::Waiting>)> = Vec::new();
    while !clients.is_empty() {
        match clients.receive().received {
            Ok(Either::This(ServerOpen::Write { level, text, next })) => {
                if kept.len() == KEPT {
                    kept.pop_front();
                }
                let number = written;
                kept.push_back(Record { number, time: Instant::now().as_nanos(), level, text });
                written += 1;
                clients.insert(Either::This(next.written(number)), ());
            }
            Ok(Either::This(ServerOpen::Close)) => {}
            Ok(Either::That(ServerReady::Read { from, level, mut buffer, next })) => {
                let oldest = written - kept.len() as u64;
                let (mut count, mut resume) = (0, from.max(oldest));
                for record in kept.iter().filter(|record| record.number >= from) {
                    if record.level >= level {
                        let Some(place) = buffer.get_mut(count) else { break };
                        *place = *record;
                        count += 1;
                    }
                    resume = record.number + 1;
                }
                let lost = oldest.saturating_sub(from);
                clients.insert(Either::That(next.records(buffer, count as u64, resume, lost)), ());
            }
            Ok(Either::That(ServerReady::Await { number, next })) => waiting.push((number, next)),
            Err(Closed) => {}
        }
        for (_, reader) in waiting.extract_if(.., |(number, _)| *number < written) {
            clients.insert(Either::That(reader.news()), ());
        }
    }
}

fn start() -> (Writer, Reader) {
    let (writer, write) = pair::<Log>();
    let (reader, read) = pair::<LogReader>();
    thread::spawn(move || serve(vec![Either::This(write), Either::That(read)]));
    (writer, reader)
}

fn write(writer: Writer, level: Level, text: &str) -> (u64, Writer) {
    let Ok(ClientWriting::Written { number, next }) = writer.write(level, Line::truncated(text)).receive()
    else {
        panic!("the log serves")
    };
    (number, next)
}

struct Page {
    texts: Vec<String>,
    resume: u64,
    lost: u64,
}

fn read(reader: Reader, from: u64, level: Level, room: usize) -> (Page, Reader) {
    let empty = Record { number: 0, time: 0, level: Level::Debug, text: Line::EMPTY };
    let buffer = ExBox::from_fn(room, |_| empty).expect("memory");
    let Ok(ClientReading::Records { buffer, count, resume, lost, next }) =
        reader.read(from, level, buffer).receive()
    else {
        panic!("the log serves")
    };
    let texts = buffer[..count as usize].iter().map(|record| record.text.to_string()).collect();
    (Page { texts, resume, lost }, next)
}

#[test]
fn a_reader_sees_every_record_that_is_kept_once_and_counts_the_others() {
    let (mut writer, reader) = start();
    for number in 0..12 {
        let (written, next) = write(writer, Level::Info, &format!("record {number}"));
        assert_eq!(written, number);
        writer = next;
    }
    let (page, reader) = read(reader, 1, Level::Debug, 5);
    assert_eq!(page.texts.first().map(String::as_str), Some("record 4"), "the oldest that is kept");
    assert_eq!((page.texts.len(), page.resume, page.lost), (5, 9, 3));
    let (page, reader) = read(reader, page.resume, Level::Debug, 5);
    assert_eq!((page.texts.len(), page.resume, page.lost), (3, 12, 0));
    let (page, _) = read(reader, page.resume, Level::Debug, 5);
    assert_eq!((page.texts.len(), page.resume, page.lost), (0, 12, 0));
}

#[test]
fn a_reader_that_wants_only_what_matters_gets_only_that() {
    let (mut writer, reader) = start();
    for (level, text) in
        [(Level::Debug, "noise"), (Level::Error, "fire"), (Level::Info, "news"), (Level::Warning, "smoke")]
    {
        writer = write(writer, level, text).1;
    }
    let (page, reader) = read(reader, 0, Level::Warning, 1);
    assert_eq!((&page.texts[..], page.resume), (&["fire".to_owned()][..], 3));
    let (page, _) = read(reader, page.resume, Level::Warning, 9);
    assert_eq!((&page.texts[..], page.resume), (&["smoke".to_owned()][..], 4));
}

#[test]
fn who_waits_for_a_record_is_told_when_it_is_there() {
    let (writer, reader) = start();
    let waiting = reader.r#await(1);
    let (_, writer) = write(writer, Level::Info, "not this one");
    let Err(TryReceiveError::Empty(waiting)) = waiting.try_receive() else { panic!("it is not there yet") };
    let (_, writer) = write(writer, Level::Info, "this one");
    let Ok(ClientWaiting::News { next }) = waiting.receive() else { panic!("the log serves") };
    let (page, next) = read(next, 1, Level::Debug, 9);
    assert_eq!(page.texts, ["this one"]);
    let Ok(ClientWaiting::News { .. }) = next.r#await(0).receive() else { panic!("it was written long ago") };
    writer.close();
}
